//! Files of which something was destroyed.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use fault_disk::{Disk, Image, Loss};
use rusqlite::Connection;
use workflow_runtime::store::{Filter, SqliteStore, Store, StoreErrorKind};
use workflow_runtime::{JobFilter, JobId, JobState};
use workflow_tests::folder::Folder;
use workflow_tests::random::Rng;

use super::{Outer, Tell, alone_on, let_end, on, open, text};

const JOBS: usize = 60;

/// A file of jobs, half of which are over; and their ids.
async fn written(file: &Path) -> Vec<JobId> {
    let store = open(file).expect("nothing is in its way");
    let runtime = on(&store).await.expect("nothing is in its way");
    let mut jobs = Vec::new();
    for number in 0..JOBS {
        let job = runtime.submit(Tell { text: text(number) }).await.expect("nothing is in its way");
        jobs.push(job.id());
        if number % 2 == 0 {
            job.signal("word", "end").await.expect("nothing is in its way");
            job.await.expect("nothing is in its way");
        }
    }
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));
    tidy(file);
    jobs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_file_whose_header_is_destroyed_is_refused_and_left_as_it_is() {
    let folder = Folder::new("header");
    let file = folder.file("jobs.db");
    written(&file).await;
    let whole = std::fs::read(&file).unwrap();
    let (zeros, noise, cut) = (vec![0; 100], vec![0x5a; 4096], 0);
    for broken in [zeros, noise, whole[..cut].to_vec()] {
        let mut content = whole.clone();
        content[..broken.len()].copy_from_slice(&broken);
        if broken.is_empty() {
            content.truncate(5000);
        }
        std::fs::write(&file, &content).unwrap();
        let refused = open(&file).unwrap_err();
        assert!(
            matches!(refused.kind(), StoreErrorKind::Foreign | StoreErrorKind::Corrupt),
            "{:?}: {refused}",
            refused.kind()
        );
        let words = refused.to_string();
        assert!(words.contains("jobs.db") && words.contains(';'), "{refused}");
        assert_eq!(std::fs::read(&file).unwrap(), content, "{refused}");
    }
    std::fs::write(&file, whole).unwrap();
    let store = open(&file).unwrap();
    let runtime = on(&store).await.unwrap();
    runtime.recovered().await;
    let_end(&runtime).await;
    runtime.shutdown(Duration::from_secs(5)).await;
}

/// Brings all of it into one file.
fn tidy(file: &Path) {
    let tidied = Connection::open(file)
        .and_then(|file| file.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, bool>(0)));
    assert_eq!(tidied, Ok(false), "nobody else uses it");
}

/// Damages the text that is kept of a job at one place, which must be there once.
fn damage(file: &Path, text: &str, damaged: &str) {
    tidy(file);
    let mut content = std::fs::read(file).expect("nothing is in its way");
    let places: Vec<usize> =
        (0..content.len()).filter(|at| content[*at..].starts_with(text.as_bytes())).collect();
    assert!(!places.is_empty() && text.len() == damaged.len(), "`{text}` is there {} times", places.len());
    for place in places {
        content[place..place + text.len()].copy_from_slice(damaged.as_bytes());
    }
    std::fs::write(file, content).expect("nothing is in its way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_record_sets_its_job_aside_and_the_others_go_on() {
    let folder = Folder::new("record");
    let file = folder.file("jobs.db");
    let jobs = written(&file).await;
    let (open_one, over) = (jobs[31], jobs[30]);
    damage(&file, r#""text 31""#, r#""text 31,"#);
    damage(&file, r#""text 30""#, r#""text 30,"#);

    let store = open(&file).unwrap();
    let runtime = on(&store).await.unwrap();
    runtime.recovered().await;
    let parked = runtime.parked();
    let [aside] = &parked[..] else { panic!("{parked:#?}") };
    assert_eq!(aside.head.id, open_one);
    let named = |words: &str, job: JobId| words.contains(&format!("job {job}: record 0"));
    assert!(named(&aside.reason, open_one), "{}", aside.reason);
    // The others go on.
    let_end(&runtime).await;
    let kept = runtime.history(JobFilter::new().name("Tell")).await.unwrap();
    assert_eq!(kept.len(), JOBS);
    let unfinished: Vec<JobId> =
        kept.iter().filter(|head| !head.state.is_over()).map(|head| head.id).collect();
    assert_eq!(unfinished, [open_one]);
    // Who asks for the other hears why it cannot be read.
    let error = runtime.fetch(over).await.unwrap_err();
    assert_eq!(error.kind(), StoreErrorKind::Corrupt);
    assert!(named(&error.to_string(), over), "{error}");
    // It can be ended.
    assert!(runtime.cancel(open_one, "it is damaged").await);
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));
    let store = open(&file).unwrap();
    let cancelled = store.list(&Filter::default()).unwrap();
    let cancelled = cancelled.iter().find(|head| head.id == open_one).unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_waits_for_a_damaged_child_waits_on_and_does_not_call_another() {
    let folder = Folder::new("child");
    let file = folder.file("jobs.db");
    let store = open(&file).unwrap();
    let runtime = on(&store).await.unwrap();
    let parent = runtime.submit(Outer { text: text(7) }).await.unwrap().id();
    let child = loop {
        let children = runtime.history(JobFilter::new().parent(parent)).await.unwrap();
        match children.first() {
            Some(child) => break child.id,
            None => tokio::task::yield_now().await,
        }
    };
    runtime.shutdown(Duration::from_secs(5)).await;
    drop((runtime, store));
    damage(&file, r#""inner text 7""#, r#""inner text 7,"#);

    let store = open(&file).unwrap();
    let runtime = on(&store).await.unwrap();
    runtime.recovered().await;
    assert_eq!(runtime.parked().iter().map(|job| job.head.id).collect::<Vec<_>>(), [child]);
    let waiting = runtime.job(parent).unwrap();
    // What is done in the same job comes after what its recovery brought about.
    assert!(waiting.pause().await && waiting.resume().await);
    assert_eq!(waiting.state(), JobState::Running, "{:?}", waiting.tasks());
    assert_eq!(store.list(&Filter::default()).unwrap().len(), 2, "no other child was called");
    assert!(runtime.cancel(child, "it is damaged").await);
    let failure = waiting.outcome().await.unwrap_err();
    assert!(failure.to_string().contains("it is damaged"), "{failure}");
    runtime.shutdown(Duration::from_secs(5)).await;
}

/// What is on a disk on which a child is over, and its parent has not heard of it.
async fn unheard(folder: &Folder) -> Image {
    for records in 0..30 {
        let disk = Disk::new();
        disk.mount(folder.as_ref()).expect("nothing is in its way");
        let store = open(&folder.fresh("jobs.db")).expect("nothing is in its way");
        let runtime = alone_on(&store);
        let parent = runtime.submit(Outer { text: text(7) }).await.expect("nothing is in its way").id();
        runtime.run_until_idle();
        let child = runtime.jobs(&JobFilter::new().parent(parent))[0].id;
        let child = runtime.job(child).expect("it is there");
        runtime.crash_after(records);
        let _ = runtime.has_crashed() || child.signal("word", "end").await.is_ok();
        runtime.run_until_idle();
        let is_over =
            |id| store.read(id).is_ok_and(|kept| kept.is_some_and(|kept| kept.head.state.is_over()));
        if is_over(child.id()) && !is_over(parent) {
            return disk.image(Loss::Nothing);
        }
    }
    panic!("the parent hears of it at once");
}

#[tokio::test]
async fn who_cannot_be_told_what_a_child_gave_is_set_aside() {
    let image = unheard(&Folder::new("unheard")).await;
    let folder = Folder::new("read-again");
    let file = folder.file("jobs.db");
    for (name, content) in image.files() {
        let name = name.rsplit('/').next().expect("it has a name");
        std::fs::write(folder.file(name), content).unwrap();
    }
    damage(&file, r#""inner text 7""#, r#""inner text 7,"#);
    let store = open(&file).unwrap();
    let runtime = alone_on(&store);
    runtime.run_until_idle();
    let parked = runtime.parked();
    let [aside] = &parked[..] else { panic!("{parked:#?}") };
    assert_eq!(&*aside.head.name, "Outer");
    assert!(aside.reason.contains("what it waits for cannot be read: job "), "{}", aside.reason);
    assert_eq!(store.list(&Filter::default()).unwrap().len(), 2, "no other child was called");
    assert!(runtime.cancel(aside.head.id, "it is damaged").await);
    assert!(store.read(aside.head.id).unwrap().unwrap().head.state.is_over());
}

/// How often the library panicked.
static PANICS: AtomicUsize = AtomicUsize::new(0);

/// Some bytes of some pages are turned: whatever comes of it is an error or nothing.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn turned_bytes_are_an_error_or_nothing_and_never_a_panic() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        // What other tests of this program have to say is said elsewhere.
        let is_test = panic.location().is_some_and(|place| place.file().starts_with("tests/"));
        PANICS.fetch_add(usize::from(!is_test), Ordering::SeqCst);
        usual(panic);
    }));
    let folder = Folder::new("turned");
    let file = folder.file("jobs.db");
    written(&file).await;
    let whole = std::fs::read(&file).unwrap();
    let (mut refused, mut aside, mut unread, mut ended) = (0, 0, 0, 0);
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let mut content = whole.clone();
        for _ in 0..1 + rng.below(8) {
            // Not the header, which has a test of its own.
            let place = 100 + rng.below(content.len() as u64 - 100) as usize;
            content[place] ^= 1 << rng.below(8);
        }
        std::fs::write(&file, content).unwrap();
        match look(&file).await {
            Err(words) => {
                assert!(words.contains("jobs.db") || words.contains("job "), "seed {seed}: {words}");
                refused += 1;
            }
            Ok(seen) => {
                aside += seen.aside;
                unread += usize::from(seen.is_unread);
                ended += seen.ended;
            }
        }
    }
    assert_eq!(PANICS.load(Ordering::SeqCst), 0);
    assert!(ended > 100, "{refused} refused, {aside} set aside, {unread} unread, {ended} ended");
}

/// What became of the jobs of a damaged file.
struct Seen {
    /// Jobs that cannot go on.
    aside: usize,
    /// Jobs that came to their ends.
    ended: usize,
    /// Whether the file cannot be listed.
    is_unread: bool,
}

async fn look(file: &Path) -> Result<Seen, String> {
    let store = open(file).map_err(|error| error.to_string())?;
    let runtime = on(&store).await?;
    runtime.recovered().await;
    let open = runtime.jobs(&JobFilter::new());
    let mut seen = Seen { aside: runtime.parked().len(), ended: 0, is_unread: false };
    let mut is_held = false;
    for job in open.iter().filter_map(|status| runtime.job(status.id)) {
        let end = async {
            // A job that was damaged may wait for something else.
            let _ = job.signal("word", "end").await;
            job.outcome().await
        };
        match tokio::time::timeout(Duration::from_millis(if is_held { 0 } else { 1000 }), end).await {
            Ok(_) => seen.ended += 1,
            Err(_) => is_held = true,
        }
    }
    if is_held {
        assert!(is_unwritable(&store), "jobs do not go on, and the store says nothing");
    }
    seen.is_unread = runtime.history(JobFilter::new()).await.is_err();
    runtime.shutdown(Duration::ZERO).await;
    Ok(seen)
}

/// Whether a store says that it cannot be used.
fn is_unwritable(store: &Arc<SqliteStore>) -> bool {
    store.begin("another").is_err() || store.list(&Filter::default()).is_err()
}
