//! The store, and what of its jobs asks for somebody.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use super::finding::Findings;
use crate::cli::refusal::Refusal;
use crate::cli::stores::Stores;
use crate::registry::Registry;
use crate::state::JobState;
use crate::store::{Filter, Store};
use crate::timestamp::Timestamp;

/// How many jobs are listed at once.
const PAGE: usize = 1000;

/// Of how many jobs that are not over the journals are read.
const READ: usize = 10_000;

/// With less room on its disk than this, a file may soon not be written any more.
const LITTLE: u64 = 1 << 30;
const TOO_LITTLE: u64 = 64 << 20;

/// How far clocks may be apart.
const APART: u64 = 1000;

/// The store, if it can be looked at.
pub(super) fn reached(stores: &Stores, findings: &mut Findings) -> Option<Arc<dyn Store>> {
    match stores {
        Stores::Memory => {
            findings.ok("store", "memory: jobs end with their process");
            return None;
        }
        Stores::File(path) if !path.exists() && !folder_of(path).is_dir() => {
            let what = format!("{}: there is no folder {}", path.display(), folder_of(path).display());
            findings.error(
                "store",
                what,
                "make it, or name another file: nothing runs there before that is mended",
            );
            return None;
        }
        Stores::File(path) if !path.exists() => {
            findings
                .ok("store", format!("{}: there is no such file yet; what runs makes it", path.display()));
            room(path, findings);
            return None;
        }
        _ => {}
    }
    match stores.look() {
        Ok(store) => {
            findings.ok("store", describe(stores, &*store));
            if let Stores::File(path) = stores {
                holder(path, findings);
                room(path, findings);
            }
            Some(store)
        }
        Err(refusal) => {
            findings.error("store", refusal.message, "nothing runs there before that is mended");
            None
        }
    }
}

fn describe(stores: &Stores, store: &dyn Store) -> String {
    let what = store.describe();
    match stores {
        Stores::File(path) => {
            let size = fs::metadata(path).map_or(0, |data| data.len());
            let version =
                version(store).map(|version| format!("tables of version {version}, ")).unwrap_or_default();
            format!("{what}: a SQLite file, {version}{}; what is written is on the disk", bytes(size))
        }
        _ => format!(
            "{what}: a PostgreSQL database, shared by nodes; a lease is {:?}",
            store.lease().unwrap_or_default()
        ),
    }
}

#[cfg(feature = "sqlite")]
fn version(store: &dyn Store) -> Option<usize> {
    let store: &dyn std::any::Any = store;
    store.downcast_ref::<crate::store::SqliteLook>().map(crate::store::SqliteLook::version)
}

#[cfg(not(feature = "sqlite"))]
fn version(_: &dyn Store) -> Option<usize> {
    None
}

/// Who has a file open.
fn holder(path: &Path, findings: &mut Findings) {
    #[cfg(feature = "sqlite")]
    let is_open = crate::door::is_open(&fs::canonicalize(path).unwrap_or_else(|_| path.to_owned()));
    #[cfg(not(feature = "sqlite"))]
    let is_open = false;
    let mut lock = path.as_os_str().to_owned();
    lock.push(".lock");
    let holder = fs::read_to_string(lock).ok().and_then(|text| text.trim().parse::<u32>().ok());
    findings.ok(
        "lock",
        match (is_open, holder) {
            (true, Some(process)) => {
                format!("process {process} has it open, and does what this command line asks")
            }
            (true, None) => "a process has it open, and does what this command line asks".to_owned(),
            (false, _) => "no process has it open that does what this command line asks".to_owned(),
        },
    );
}

/// How much room there is on the disk of a file.
fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn room(path: &Path, findings: &mut Findings) {
    let folder = folder_of(path);
    match fs4::available_space(folder) {
        Ok(free) if free < TOO_LITTLE => {
            findings.error(
                "disk",
                format!("{} are free", bytes(free)),
                "make room: jobs wait when nothing can be written",
            );
        }
        Ok(free) if free < LITTLE => {
            let cure = "make room, or set [retention] so that jobs that are over are forgotten";
            findings.warning("disk", format!("{} are free", bytes(free)), cure);
        }
        Ok(free) => findings.ok("disk", format!("{} are free", bytes(free))),
        Err(error) => {
            let what = format!("{}: {error}", folder.display());
            findings.warning("disk", what, "see that the folder is there, and that this user may read it");
        }
    }
}

fn bytes(count: u64) -> String {
    let (mut whole, mut rest, mut unit) = (count, 0, 0);
    const UNITS: [&str; 5] = ["bytes", "KiB", "MiB", "GiB", "TiB"];
    while whole >= 1024 && unit + 1 < UNITS.len() {
        (whole, rest, unit) = (whole / 1024, whole % 1024, unit + 1);
    }
    match unit {
        0 => format!("{whole} bytes"),
        _ => format!("{whole}.{} {}", rest * 10 / 1024, UNITS[unit]),
    }
}

/// How far the store's clock is from this machine's.
pub(super) fn clock(store: &dyn Store, findings: &mut Findings) -> Result<(), Refusal> {
    let before = Timestamp::now();
    let Some(there) = store.now()? else { return Ok(()) };
    let after = Timestamp::now();
    let apart = if there < before { before.since(there) } else { there.since(after) };
    let millis = apart.as_millis();
    if millis > u128::from(APART) {
        let what = format!("the database's clock and this machine's are {millis} ms apart");
        findings.warning("clock", what, "all goes by the database's clock; set this machine's, for its logs");
    } else {
        findings.ok("clock", "the database's clock and this machine's say the same");
    }
    Ok(())
}

/// What of its jobs asks for somebody.
pub(super) fn jobs(
    store: &dyn Store,
    registry: Option<&Registry>,
    findings: &mut Findings,
) -> Result<(), Refusal> {
    let open: Vec<JobState> = JobState::ALL.iter().copied().filter(|state| !state.is_over()).collect();
    let count = count(store, Filter { states: open, ..Filter::default() })?;
    findings.ok("jobs", format!("jobs that are not over: {count}"));
    let parked = self::count(store, Filter { parked: true, ..Filter::default() })?;
    if parked > 0 {
        let what = format!("jobs that no program at work can go on with: {parked}");
        findings.warning(
            "parked",
            what,
            "`jobs --parked` lists them, `job ID` says why; start a program that can, or `rerun`",
        );
    }
    let dead = self::count(store, Filter { dead: true, ..Filter::default() })?;
    if dead > 0 {
        let what = format!("jobs that failed for good, and that nobody has looked after: {dead}");
        findings.warning("dead letters", what, "`dead` lists them; `retry` or `discard` each");
    }
    let Some(registry) = registry else { return Ok(()) };
    if count > READ {
        let what = format!("whether this program can go on with {count} jobs takes a while to find out");
        findings.warning("upgrade", what, "`check` tells");
        return Ok(());
    }
    let check = registry.check(store)?;
    if check.parked.is_empty() {
        findings.ok("upgrade", "this program can go on with all of them");
    } else {
        let what = format!("jobs that this program could not go on with: {}", check.parked.len());
        findings.warning("upgrade", what, "`check` lists them, and says what has changed");
    }
    Ok(())
}

fn count(store: &dyn Store, mut filter: Filter) -> Result<usize, Refusal> {
    filter.limit = Some(PAGE);
    let mut count = 0;
    loop {
        let page = store.list(&filter)?;
        count += page.len();
        filter.after = page.last().map(|head| head.id);
        if page.len() < PAGE {
            return Ok(count);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_few_signs() {
        assert_eq!(bytes(17), "17 bytes");
        assert_eq!(bytes(1536), "1.5 KiB");
        assert_eq!(bytes(5 << 40), "5.0 TiB");
    }
}
