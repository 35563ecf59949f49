//! What can be told.

use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

use workflow_runtime::{Fact, JobHandle, JobId, JobState, Record, Timestamp};

/// Something that happened, as it was told.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// A process began.
    Born,
    /// A process is gone, with all that it ran.
    Died,
    /// A process stands still for so long that others may take its jobs over. When it goes on, what it had begun goes on
    /// with it, until it hears that it holds nothing any more.
    Stopped,
    /// A job is about to be asked for.
    Asked {
        /// What the asking side calls it.
        request: String,
    },
    /// The runtime has said that it has the job.
    Accepted {
        /// What the asking side calls it.
        request: String,
        /// The job.
        job: JobId,
    },
    /// An attempt begins.
    Began(Began),
    /// An attempt ends.
    Ended {
        /// The job.
        job: JobId,
        /// The task, by its path.
        task: String,
        /// The attempt's number.
        attempt: u32,
        /// What it gives; nothing if it was dropped.
        outcome: Option<Outcome>,
    },
    /// A task saved where it stands, and was told that it is safe. What it saves later is greater.
    Saved {
        /// The job.
        job: JobId,
        /// The task, by its path.
        task: String,
        /// Where it stands.
        mark: u64,
    },
    /// An attempt looked at what was saved before it.
    Restored {
        /// The job.
        job: JobId,
        /// The task, by its path.
        task: String,
        /// Where an earlier attempt stood.
        mark: Option<u64>,
    },
    /// Somebody wanted something of a job, and was told that it is written down.
    Granted {
        /// The job.
        job: JobId,
        /// What he wanted.
        wish: Wish,
    },
    /// Somebody was told how a job ended.
    Told {
        /// The job.
        job: JobId,
        /// What he was told.
        outcome: Outcome,
    },
    /// After everything: what is kept of a job.
    Kept(Box<Kept>),
}

/// An attempt that begins.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Began {
    /// The job.
    pub job: JobId,
    /// The task, by its path.
    pub task: String,
    /// The attempt's number.
    pub attempt: u32,
    /// The key that it would give to other systems.
    pub key: String,
    /// The queue whose place it has, if that is to be counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<String>,
    /// What it was given that other tasks have made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<Read>,
}

/// A value that was given to an attempt, and the task that made it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Read {
    /// The job of the task that made it.
    pub job: JobId,
    /// The task that made it.
    pub task: String,
    /// The value.
    pub value: Json,
}

/// What can be wanted of a job.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Wish {
    /// That it does not succeed.
    Cancel,
    /// That nothing of it starts for a while.
    Pause,
    /// That it goes on.
    Resume,
    /// That it hears of this event.
    Signal(String),
}

/// How an attempt or a job ended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// With this value.
    Done(Json),
    /// Not well.
    Failed(String),
}

/// A moment at which a schedule wants a job.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Tick {
    /// The schedule.
    pub schedule: String,
    /// The moment.
    pub at: Timestamp,
}

/// What is kept of a job when everything is over.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Kept {
    /// The job.
    pub job: JobId,
    /// Where it stands.
    pub state: JobState,
    /// How it ended, as whoever asks now is told.
    pub outcome: Option<Outcome>,
    /// The paths of its tasks, by their numbers.
    pub tasks: Vec<String>,
    /// Its records.
    pub journal: Vec<Record>,
    /// The tick that it was made for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tick: Option<Tick>,
}

impl Kept {
    /// What a runtime keeps of a job.
    pub fn of(job: &JobHandle<Json>) -> Self {
        let journal = job.journal();
        let tick = journal.first().and_then(|record| match &record.fact {
            Fact::Submitted { submission } => submission.options.tick.as_deref(),
            _ => None,
        });
        let tick = tick.map(|tick| Tick { schedule: tick.schedule.clone(), at: tick.moment });
        Self {
            job: job.id(),
            state: job.state(),
            outcome: job.result().map(Outcome::of),
            tasks: job.tasks().into_iter().map(|task| task.path).collect(),
            journal,
            tick,
        }
    }
}

impl Outcome {
    /// An outcome, as it is told.
    pub fn of<T: Serialize, E: ToString>(result: Result<T, E>) -> Self {
        let told = |value| serde_json::to_value(value).map_err(|error| error.to_string());
        match result.map_err(|error| error.to_string()).and_then(told) {
            Ok(value) => Self::Done(value),
            Err(error) => Self::Failed(error),
        }
    }
}
