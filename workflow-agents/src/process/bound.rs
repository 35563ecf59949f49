//! The kernel's own count of a command's processes, where this process may have one: a control group. What begins faster than
//! anybody can count it is refused there.

use std::path::Path;
#[cfg(target_os = "linux")]
use std::path::PathBuf;

/// A control group with as many processes and threads as a command may have. Dropped, it goes, if nothing runs in it.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub(super) struct Bound {
    folder: PathBuf,
}

/// Elsewhere there is none.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(super) enum Bound {}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{create_dir, read_dir, read_to_string, remove_dir, write};
    use std::io::Result;
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU64, Ordering};

    use super::{Bound, Path, PathBuf};

    /// How the names of groups begin; then comes the number of the process that made them.
    const PREFIX: &str = "workflow-";

    /// How often it is tried to remove a group: who was killed in it takes a moment to go.
    const ROUNDS: u32 = 50;
    const PAUSE: std::time::Duration = std::time::Duration::from_millis(2);

    impl Bound {
        /// One with so many processes; none where this process may have none.
        pub(in super::super) fn of(most: u32) -> Option<Self> {
            static PLACE: OnceLock<Option<Place>> = OnceLock::new();
            static COUNT: AtomicU64 = AtomicU64::new(0);
            let place = PLACE.get_or_init(|| Place::find().inspect(Place::clear)).as_ref()?;
            let number = COUNT.fetch_add(1, Ordering::Relaxed);
            let bound =
                Self { folder: place.folder.join(format!("{PREFIX}{}-{number}", std::process::id())) };
            create_dir(&bound.folder).ok()?;
            if place.is_threaded {
                write(bound.folder.join("cgroup.type"), "threaded").ok()?;
            }
            if place.is_asked_for {
                write(place.folder.join("cgroup.subtree_control"), "+pids").ok()?;
            }
            write(bound.folder.join("pids.max"), most.to_string()).ok()?;
            Some(bound)
        }

        /// Where the kernel tells of it.
        pub(in super::super) fn folder(&self) -> &Path {
            &self.folder
        }

        /// Counts this process, and all that it starts from now on.
        pub(in super::super) fn hold(&self, process: u32) -> Result<()> {
            write(self.folder.join("cgroup.procs"), process.to_string())
        }

        /// Whether anything was refused, for there were as many as there may be.
        pub(in super::super) fn is_reached(&self) -> bool {
            let events = read_to_string(self.folder.join("pids.events")).unwrap_or_default();
            events.lines().filter_map(|line| line.strip_prefix("max ")).any(|count| count != "0")
        }
    }

    impl Drop for Bound {
        fn drop(&mut self) {
            for _ in 0..ROUNDS {
                // What is never empty is left to who looks next.
                if remove_dir(&self.folder).is_ok() {
                    return;
                }
                std::thread::sleep(PAUSE);
            }
        }
    }

    /// Where groups are made: beneath the one that this process is in.
    struct Place {
        folder: PathBuf,
        /// Whether this process goes on where the groups are beneath, which version 2 has a word for.
        is_threaded: bool,
        /// Whether the count has to be asked for, as of version 2.
        is_asked_for: bool,
    }

    impl Place {
        fn find() -> Option<Self> {
            let own = read_to_string("/proc/self/cgroup").ok()?;
            let mounts = read_to_string("/proc/self/mountinfo").ok()?;
            Self::first(&own, &mounts).or_else(|| Self::second(&own, &mounts))
        }

        /// In the hierarchy that counts processes, of version 1.
        fn first(own: &str, mounts: &str) -> Option<Self> {
            let has_pids = |names: &str| names.split(',').any(|name| name == "pids");
            let path = own.lines().find_map(|line| {
                let (names, path) = line.split_once(':')?.1.split_once(':')?;
                has_pids(names).then_some(path)
            })?;
            let folder = within(mounts, "cgroup", has_pids, path)?;
            Some(Self { folder, is_threaded: false, is_asked_for: false })
        }

        /// In the one hierarchy of version 2.
        fn second(own: &str, mounts: &str) -> Option<Self> {
            let path = own.lines().find_map(|line| line.strip_prefix("0::"))?;
            let folder = within(mounts, "cgroup2", |_| true, path)?;
            let offered = read_to_string(folder.join("cgroup.controllers")).ok()?;
            if !offered.split_ascii_whitespace().any(|name| name == "pids") {
                return None;
            }
            // Only the root of all has no type, and may have processes of its own beside any group.
            let is_threaded = folder.join("cgroup.type").exists();
            Some(Self { folder, is_threaded, is_asked_for: true })
        }

        /// Removes what processes that are gone have left.
        fn clear(&self) {
            let entries = read_dir(&self.folder).into_iter().flatten().filter_map(Result::ok);
            for entry in entries {
                let name = entry.file_name();
                let maker = name.to_str().and_then(|name| name.strip_prefix(PREFIX)?.split('-').next());
                if maker.is_some_and(|maker| !Path::new("/proc").join(maker).exists()) {
                    // One that is not empty stays.
                    drop(remove_dir(entry.path()));
                }
            }
        }
    }

    /// The folder of a group, by where its hierarchy is mounted.
    fn within(mounts: &str, kind: &str, is_meant: impl Fn(&str) -> bool, path: &str) -> Option<PathBuf> {
        mounts.lines().find_map(|line| {
            let (mount, source) = line.split_once(" - ")?;
            let mut source = source.split(' ');
            let (of, options) = (source.next()?, source.nth(1)?);
            if of != kind || !is_meant(options) {
                return None;
            }
            let mut mount = mount.split(' ').skip(3);
            let (root, folder) = (mount.next()?, mount.next()?);
            // What is mounted may be but a part, in which this process is.
            let inner = Path::new(path).strip_prefix(root).ok()?;
            Some(Path::new(folder).join(inner))
        })
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn a_group_is_found_where_its_hierarchy_is_mounted() {
            let mounts = "\
31 23 0:28 / /sys/fs/cgroup rw,relatime - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu rw,relatime - cgroup cgroup rw,cpu
39 31 0:36 / /sys/fs/cgroup/pids rw,relatime shared:1 - cgroup cgroup rw,pids
41 31 0:38 /docker/a1 /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw
";
            let own = "9:name=systemd:/\n8:pids:/user/1\n1:cpu:/\n0::/docker/a1/inner\n";
            let folder = Place::first(own, mounts).map(|place| place.folder);
            assert_eq!(folder.as_deref(), Some(Path::new("/sys/fs/cgroup/pids/user/1")));
            let folder = within(mounts, "cgroup2", |_| true, "/docker/a1/inner");
            assert_eq!(folder.as_deref(), Some(Path::new("/sys/fs/cgroup/unified/inner")));
            assert_eq!(within(mounts, "cgroup2", |_| true, "/docker/a2"), None);
            assert!(Place::first("0::/\n", mounts).is_none());
            assert!(Place::first("nonsense", "more of it").is_none());
        }
    }
}

#[cfg(not(target_os = "linux"))]
impl Bound {
    pub(super) fn of(_: u32) -> Option<Self> {
        None
    }

    pub(super) fn folder(&self) -> &Path {
        match *self {}
    }

    pub(super) fn hold(&self, _: u32) -> std::io::Result<()> {
        match *self {}
    }

    pub(super) fn is_reached(&self) -> bool {
        match *self {}
    }
}
