//! How much a command and all that it has started use.

/// How much a process group, and whatever descends from its first process, uses.
#[derive(Debug, Default, Clone, Copy)]
pub(super) struct Usage {
    /// Processes and threads.
    pub(super) processes: u32,
    /// Bytes of memory.
    pub(super) memory: u64,
}

/// How many processes and threads there are on this machine, which is quickly told.
#[cfg(target_os = "linux")]
pub(super) fn population() -> Option<u32> {
    let line = std::fs::read_to_string("/proc/loadavg").ok()?;
    line.split_ascii_whitespace().nth(3)?.split_once('/')?.1.parse().ok()
}

#[cfg(not(target_os = "linux"))]
pub(super) fn population() -> Option<u32> {
    None
}

#[cfg(target_os = "linux")]
impl Usage {
    /// Of the group whose first process this is; none where nobody can tell. Once there are more than so many processes, no more
    /// are looked for: where they grow faster than they are counted, that would take for ever.
    pub(super) fn of(leader: u32, most: u32) -> Option<Self> {
        let leader = i64::from(leader);
        let mut count =
            Count { own: [leader].into(), usage: Self::default(), page: rustix::param::page_size() as u64 };
        let mut others = Vec::new();
        for process in std::fs::read_dir("/proc").ok()?.filter_map(|entry| Process::read(&entry.ok()?)) {
            if process.id == leader || process.group == leader || count.own.contains(&process.parent) {
                count.add(&process);
            } else {
                others.push(process);
            }
            if count.usage.processes > most {
                return Some(count.usage);
            }
        }
        // Numbers begin again some time: then parents may come behind their children.
        loop {
            let before = others.len();
            others.retain(|process| {
                let is_own = count.own.contains(&process.parent);
                if is_own {
                    count.add(process);
                }
                !is_own
            });
            if others.len() == before {
                return Some(count.usage);
            }
        }
    }
}

/// Who was counted, and what they use.
#[cfg(target_os = "linux")]
struct Count {
    own: std::collections::HashSet<i64>,
    usage: Usage,
    page: u64,
}

#[cfg(target_os = "linux")]
impl Count {
    fn add(&mut self, process: &Process) {
        self.own.insert(process.id);
        self.usage.processes = self.usage.processes.saturating_add(process.threads);
        self.usage.memory = self.usage.memory.saturating_add(process.pages * self.page);
    }
}

#[cfg(not(target_os = "linux"))]
impl Usage {
    pub(super) fn of(_: u32, _: u32) -> Option<Self> {
        None
    }
}

/// What the kernel says of a process.
#[cfg(target_os = "linux")]
struct Process {
    id: i64,
    parent: i64,
    group: i64,
    threads: u32,
    pages: u64,
}

#[cfg(target_os = "linux")]
impl Process {
    fn read(entry: &std::fs::DirEntry) -> Option<Self> {
        let id = entry.file_name().to_str()?.parse().ok()?;
        let line = std::fs::read(entry.path().join("stat")).ok()?;
        let line = String::from_utf8_lossy(&line);
        // The name, in brackets, may hold anything.
        let (_, rest) = line.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        let number = |place: usize| fields.get(place)?.parse::<i64>().ok();
        Some(Self {
            id,
            parent: number(1)?,
            group: number(2)?,
            threads: number(17)?.try_into().ok()?,
            pages: number(21)?.try_into().ok()?,
        })
    }
}
