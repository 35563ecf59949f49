//! How much a tool may use.

use std::time::Duration;

use workflow_runtime::data;

/// How much a tool may use of what there is. What is not said is as [`Limits::DEFAULT`] has it.
#[data]
#[derive(Copy, Default, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// For how many milliseconds it may run. The step's timeout holds, too.
    pub time_ms: Option<u64>,
    /// How many bytes of each of its outputs are kept: half of them from the beginning, half from the end.
    pub output: Option<u64>,
    /// How many bytes of memory it may have, all its processes together.
    pub memory: Option<u64>,
    /// How many processes and threads it may have.
    pub processes: Option<u32>,
    /// How long a file may be that it writes, in bytes.
    pub file: Option<u64>,
    /// How many instructions of a script or a component it may have carried out.
    pub instructions: Option<u64>,
    /// How many processors it may use at once. Containers are held to it; commands are not.
    pub processors: Option<u32>,
}

impl Limits {
    /// What holds where nothing is said: 1 MiB of each output, 1 GiB of memory, 256 processes, files of 1 GiB.
    pub const DEFAULT: Self = Self {
        time_ms: None,
        output: Some(1 << 20),
        memory: Some(1 << 30),
        processes: Some(256),
        file: Some(1 << 30),
        instructions: None,
        processors: None,
    };

    /// These, with what they do not say taken from others.
    #[must_use]
    pub fn or(self, others: Self) -> Self {
        Self {
            time_ms: self.time_ms.or(others.time_ms),
            output: self.output.or(others.output),
            memory: self.memory.or(others.memory),
            processes: self.processes.or(others.processes),
            file: self.file.or(others.file),
            instructions: self.instructions.or(others.instructions),
            processors: self.processors.or(others.processors),
        }
    }

    /// The tighter of both, each by itself.
    #[must_use]
    pub fn within(self, others: Self) -> Self {
        fn least<T: Ord>(one: Option<T>, other: Option<T>) -> Option<T> {
            match (one, other) {
                (Some(one), Some(other)) => Some(one.min(other)),
                (one, other) => one.or(other),
            }
        }
        Self {
            time_ms: least(self.time_ms, others.time_ms),
            output: least(self.output, others.output),
            memory: least(self.memory, others.memory),
            processes: least(self.processes, others.processes),
            file: least(self.file, others.file),
            instructions: least(self.instructions, others.instructions),
            processors: least(self.processors, others.processors),
        }
    }

    /// For how long it may run.
    pub fn time(&self) -> Option<Duration> {
        self.time_ms.map(Duration::from_millis)
    }
}
