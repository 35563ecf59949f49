//! What a store is: it keeps the records of jobs in order and gives them back, and knows nothing of what they mean.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::job_id::JobId;
use crate::options::{Priority, Rate};
use crate::record::{Line, Parent};
use crate::state::JobState;
use crate::timestamp::Timestamp;

/// Where the journals of jobs are kept: a file, a database, memory.
///
/// A store keeps what it is given and gives it back. It does not run jobs, knows no clock but its own, and must not
/// assume that it is the only one that uses what it stands for: another process may do so at the same time.
///
/// Its methods may block; the runtime calls them on threads where that hurts nobody, several at once. What a method has
/// written is durable when the method returns. A method that fails has written nothing, or, where the answer was lost
/// on the way, all of it: asking again must find that out, as the [verdicts](Verdict) allow.
///
/// [`testing::conformance`](crate::testing::conformance) checks that a store keeps these promises.
pub trait Store: Any + fmt::Debug + Send + Sync {
    /// What it is, in a few words, for messages: a path, an address without its password.
    fn describe(&self) -> String;

    /// Begins a term: only who holds the number that it gives may write from now on in the name of this node. Terms of
    /// the same node that came before are over, and what they still want to write is [stale](Verdict::Stale).
    ///
    /// # Errors
    /// When the store cannot be reached or used.
    fn begin(&self, node: &str) -> Result<Term, StoreError>;

    /// Says what the node of a term can do. From then on, the term is given no job to [claim](Self::claim) that begins in a
    /// queue which it does not serve.
    ///
    /// # Errors
    /// When the store cannot be written; when the term is [over](StoreErrorKind::Superseded).
    fn offer(&self, _term: Term, _offer: &Offer) -> Result<(), StoreError> {
        Ok(())
    }

    /// Writes entries, all that are accepted in one transaction, in this order. Gives a verdict for each.
    ///
    /// An entry is written whole or not at all. That one of them is refused changes nothing for the others. Who looks
    /// meanwhile sees all that is accepted or nothing of it; who looks afterwards, from wherever, sees all of it.
    ///
    /// # Errors
    /// When nothing could be written, or when it is not known whether all of it was.
    fn write(&self, entries: &[Entry]) -> Result<Vec<Verdict>, StoreError>;

    /// Takes over jobs that are not over and that no living term holds. From now on they are held by this term, under the
    /// epochs that are given; what others write of them is stale.
    ///
    /// A term is given no job twice, and none of those that it has written itself as [new](Entry::New), unless they were
    /// [free](Entry::New::free): it calls this again until nothing is left.
    ///
    /// Where nodes share the store, the term is given what it is [fit for](Offer): jobs of the queues that it serves; free
    /// ones only if they may begin before its lease is over, and the most urgent of them first. A job that is
    /// [parked](Head::parked) is claimed though a living term holds it, if no term of the same program has parked it.
    ///
    /// # Errors
    /// When the store cannot be read or written, or when the term is over.
    fn claim(&self, term: Term, most: Most) -> Result<Vec<Claimed>, StoreError>;

    /// A job, with all of its records: both as of one moment.
    ///
    /// # Errors
    /// When the store cannot be read, or what it keeps of the job cannot be.
    fn read(&self, job: JobId) -> Result<Option<Kept>, StoreError>;

    /// The heads of the jobs that a [`Filter`] lets through, those with the lowest ids first, as of one moment: what was
    /// written at once is in it all together, or not at all.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn list(&self, filter: &Filter) -> Result<Vec<Head>, StoreError>;

    /// Who has taken a [key for ever](Head::once), though it may be forgotten by now.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn taker(&self, once: &str) -> Result<Option<JobId>, StoreError>;

    /// The notes about a topic, in the order of their names' bytes; without those that were taken away.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn notes(&self, topic: &str) -> Result<Vec<Note>, StoreError>;

    /// Jobs that may be [forgotten](Self::forget) now, as a rule says: in the order of their names' bytes, of each name
    /// those that ended first, of those that ended at once the lowest ids. Nothing is changed by asking.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn expired(&self, rule: &Expiry) -> Result<Vec<JobId>, StoreError>;

    /// Forgets those of these jobs that are over; gives their ids, each once, in the order in which they were asked for.
    /// A job whose parent is not over stays: the parent may ask for its result. What a job has taken
    /// [for ever](Head::once) stays taken.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn forget(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError>;

    /// How long a term lasts of which nothing is [heard](Self::beat), where several nodes share the store. If this says
    /// nothing, the store is one process's: a term lasts until the next begins, and what follows need not be there.
    fn lease(&self) -> Option<Duration> {
        None
    }

    /// What the store's own clock says, where nodes share it: they go by it, and no two clocks are compared.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn now(&self) -> Result<Option<Timestamp>, StoreError> {
        Ok(None)
    }

    /// Says that who holds a term is still there. Terms of which nothing was heard for their lease are over from now on, by
    /// the store's own clock.
    ///
    /// # Errors
    /// When the store cannot be reached; when the term is [over](StoreErrorKind::Superseded).
    fn beat(&self, _term: Term) -> Result<(), StoreError> {
        Ok(())
    }

    /// Ends a term: what it holds is for others to claim, and what it still wants to write is stale.
    ///
    /// # Errors
    /// When the store cannot be reached.
    fn end(&self, _term: Term) -> Result<(), StoreError> {
        Ok(())
    }

    /// Those of these jobs that are over, or not there at all; in any order.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn ended(&self, jobs: &[JobId]) -> Result<Vec<JobId>, StoreError> {
        let mut ended = Vec::new();
        for job in jobs {
            if self.read(*job)?.is_none_or(|kept| kept.head.state.is_over()) {
                ended.push(*job);
            }
        }
        Ok(ended)
    }

    /// Leaves a word for whoever holds a job, now or later; says whether it did: not if the job is over or not there. Who
    /// did not hear the answer leaves it again, and it is left once.
    ///
    /// # Errors
    /// When the store cannot be written.
    fn leave(&self, _word: &Word) -> Result<bool, StoreError> {
        Ok(false)
    }

    /// The words for jobs that a term holds and that are not over, but for those to which there is a
    /// [reply](Entry::Reply); in the order in which they were left.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn words(&self, _term: Term) -> Result<Vec<Word>, StoreError> {
        Ok(Vec::new())
    }

    /// The reply to a word, if there is one. It is kept for some minutes at least.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn reply(&self, _word: WordId) -> Result<Option<Arc<str>>, StoreError> {
        Ok(None)
    }

    /// Gives leave to start what a limit bounds that all nodes share: to this term, in the place of what it held before, as
    /// much as it says that it holds, and what it wants besides, as far as what other living terms hold leaves room, and what
    /// was given before lets the rate. What a term holds that is over counts no more.
    ///
    /// An asking that was made before another of the same term, and comes after it, changes nothing, and is given nothing.
    /// One that comes twice is given no more than once in all.
    ///
    /// # Errors
    /// When the store cannot be written; when the term is [over](StoreErrorKind::Superseded).
    fn pass(&self, asking: &Asking) -> Result<Vec<Leave>, StoreError> {
        Ok(asking.tolls.iter().map(|toll| Leave { given: toll.wants, again: None }).collect())
    }

    /// The nodes that share the store, as it knows them: those that are there, and those that are gone and whose jobs nobody
    /// has taken over yet. In the order of their names' bytes.
    ///
    /// # Errors
    /// When the store cannot be read.
    fn nodes(&self) -> Result<Vec<NodeStatus>, StoreError> {
        Ok(Vec::new())
    }

    /// Has this called when other nodes have done something that one may want to look at: soon, on whatever thread. It may
    /// be called for nothing, and some of it may be missed: whoever relies on it looks now and then all the same.
    fn watch(&self, _tell: Arc<dyn Fn(News) + Send + Sync>) {}
}

/// What a node can do.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Offer {
    /// What its program calls itself.
    pub version: Arc<str>,
    /// What tells its program from others: two that are equal here can run the same.
    pub program: Arc<str>,
    /// The queues that it serves; all, if nothing is said.
    pub queues: Option<Vec<Arc<str>>>,
    /// The workflows that it knows.
    pub workflows: Vec<Arc<str>>,
}

/// A node that shares a store, as that knows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct NodeStatus {
    /// What it calls itself.
    pub node: Arc<str>,
    /// What its program calls itself.
    pub version: Arc<str>,
    /// The queues that it serves; all, if nothing is said.
    pub queues: Option<Vec<Arc<str>>>,
    /// Since when it is there.
    pub since: Timestamp,
    /// When it was heard of last.
    pub seen: Timestamp,
    /// How many jobs it holds that are not over.
    pub jobs: u64,
    /// Whether it is gone: it said so, or others did because nothing was heard of it.
    pub over: bool,
}

/// How many jobs are [claimed](Store::claim) at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Most {
    /// In all.
    pub jobs: usize,
    /// Of those that have not begun.
    pub waiting: usize,
}

impl Most {
    /// So many, whether they have begun or not.
    pub const fn of(jobs: usize) -> Self {
        Self { jobs, waiting: jobs }
    }
}

/// What a node [asks](Store::pass) of limits that all nodes share.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// Who asks.
    pub term: Term,
    /// Its number: of a term, greater than those of all askings before it.
    pub number: u64,
    /// What the node's clock says, for a store that has none.
    pub at: Timestamp,
    /// Of which limits, each of another.
    pub tolls: Vec<Toll>,
}

/// What a node holds and wants of one limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toll {
    /// The name of the limit.
    pub gate: Arc<str>,
    /// How many it has that run.
    pub held: u32,
    /// How many more it wants to start.
    pub wants: u32,
    /// How many may run at once, on all nodes together.
    pub limit: Option<u32>,
    /// How many may start in a time, on all nodes together.
    pub rate: Option<Rate>,
}

/// What is given of one limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Leave {
    /// So many may start, now.
    pub given: u32,
    /// When time alone will let more start, if that is so.
    pub again: Option<Duration>,
}

/// What other nodes may have [done](Store::watch).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum News {
    /// There are jobs that nobody holds.
    Jobs,
    /// Somebody has left a word.
    Words,
    /// Somebody has replied to one.
    Replies,
    /// Notes have changed.
    Notes,
    /// There may be room again in a limit of which somebody wanted more than there was.
    Gates,
    /// A job is over of which somebody has [asked](Store::ended) whether it is.
    Ended,
    /// Any of these.
    Anything,
}

/// The number of a [`Word`], which no other has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WordId(pub u128);

/// Something that is said to whoever holds a job, by one who does not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Word {
    /// Its number, which who leaves it has made.
    pub id: WordId,
    /// The job.
    pub job: JobId,
    /// What is said.
    pub text: Arc<str>,
}

/// The number of a [term](Store::begin): greater than those of all terms before it in this store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Term(pub u64);

/// The number under which a term holds a job. Who takes the job over holds it under a greater one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(pub u64);

impl Epoch {
    /// That of a new job: who asked for it, and did not hear the answer, knows it all the same.
    pub const FIRST: Self = Self(1);
}

/// What is to be written: of one job, or a note.
#[derive(Debug, Clone)]
pub enum Entry {
    /// A job that is new, and its first lines.
    New {
        /// What lists show of it.
        head: Arc<Head>,
        /// Who holds it.
        term: Term,
        /// Its first records.
        lines: Lines,
        /// The [dead letter](Head::is_dead) in whose place it comes: it is taken only while that is one, which it is no
        /// more then.
        settles: Option<JobId>,
        /// Nobody holds it, though this term writes it: whoever serves its queue may [claim](Store::claim) it. By this
        /// moment it should begin, so to speak: the earliest goes first.
        free: Option<Timestamp>,
    },
    /// More lines of a job.
    More {
        /// The job.
        job: JobId,
        /// The epoch under which it is held.
        epoch: Epoch,
        /// The number of the first of these records in the job's journal.
        first: u32,
        /// The records.
        lines: Lines,
        /// What of its head changes, if anything does.
        change: Option<Box<Change>>,
    },
    /// A [dead letter](Head::is_dead) asks for nothing any more. Any term may say so that is not over.
    Settle {
        /// The job.
        job: JobId,
        /// Who says so.
        term: Term,
    },
    /// A note is made, changed, or taken away. Any term may do so that is not over.
    Note {
        /// What it is about.
        topic: Arc<str>,
        /// Its name.
        name: Arc<str>,
        /// What it says; nothing, if it is taken away.
        text: Option<Arc<str>>,
        /// The version that it must have, 0 if nobody must ever have written it; any, if this says nothing. One that was
        /// taken away still has its version, which goes on when it is made again.
        was: Option<u64>,
        /// Who writes it.
        term: Term,
    },
    /// A reply to a [`Word`], by who holds the job: with what follows from it, if that is written at once.
    Reply {
        /// The word.
        word: WordId,
        /// The job that it was for.
        job: JobId,
        /// The epoch under which that is held.
        epoch: Epoch,
        /// What is said.
        text: Arc<str>,
    },
}

impl Entry {
    /// The job, if it is about one.
    pub fn job(&self) -> Option<JobId> {
        match self {
            Self::New { head, .. } => Some(head.id),
            Self::More { job, .. } | Self::Settle { job, .. } | Self::Reply { job, .. } => Some(*job),
            Self::Note { .. } => None,
        }
    }

    /// How many records it has.
    pub fn count(&self) -> u32 {
        match self {
            Self::New { lines, .. } | Self::More { lines, .. } => lines.count,
            Self::Settle { .. } | Self::Note { .. } | Self::Reply { .. } => 0,
        }
    }
}

/// A small document that is kept beside the jobs: a schedule, a plan, what an operator has set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Its name, one of its topic.
    pub name: Arc<str>,
    /// What it says.
    pub text: Arc<str>,
    /// How often it was written, each time it was taken away included: it never goes back.
    pub version: u64,
}

/// Which jobs are kept no longer: of each name those that one of its numbers lets go. What is not said lets none go. What
/// is not over is kept, and so is a job whose parent is not over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expiry {
    /// Those that run this; all, if nothing is said.
    pub name: Option<Arc<str>>,
    /// But not those that run one of these.
    pub but: Vec<Arc<str>>,
    /// Those that ended before this moment.
    pub ended_before: Option<Timestamp>,
    /// Those that ended before so many others of their name, so that the newest stay. Those count that are kept for other
    /// reasons, too.
    pub beyond: Option<usize>,
    /// [Dead letters](Head::is_dead), too.
    pub letters: bool,
    /// So many at most.
    pub limit: usize,
}

impl Expiry {
    /// A rule that lets none go yet, and so many at a time.
    pub fn at_most(limit: usize) -> Self {
        Self { name: None, but: Vec::new(), ended_before: None, beyond: None, letters: false, limit }
    }
}

/// Records as a store keeps them: an array of JSON, each element a [`Line`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Lines {
    /// How many there are.
    pub count: u32,
    /// The array.
    pub json: String,
}

/// What lists show of a job, without its records.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "http", derive(schemars::JsonSchema))]
#[non_exhaustive]
pub struct Head {
    /// Its id.
    pub id: JobId,
    /// What it runs.
    pub name: Arc<str>,
    /// Where it stands.
    pub state: JobState,
    /// The queue in which it begins.
    pub queue: Arc<str>,
    /// The priority that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// Words to find it by.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<Arc<str>>,
    /// No other job of this name that is not over has this key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unique: Option<Arc<str>>,
    /// The task that waits for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// When it was accepted.
    pub submitted: Timestamp,
    /// Before when it does not begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// When it ended; there is such a moment if and only if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it did not succeed, or will not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Arc<str>>,
    /// What no other job of any name has taken, nor will, even when this one is over or forgotten.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub once: Option<Arc<str>>,
    /// Why the program that holds it cannot go on with it, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Arc<str>>,
    /// It failed, and nobody needs to look at it any more.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub settled: bool,
}

impl Head {
    /// The head of a job that was just accepted: what is not given is not there.
    pub fn new(id: JobId, name: impl Into<Arc<str>>, submitted: Timestamp) -> Self {
        Self {
            id,
            name: name.into(),
            state: JobState::Pending,
            queue: Arc::from("default"),
            priority: None,
            tags: Vec::new(),
            unique: None,
            parent: None,
            submitted,
            not_before: None,
            ended: None,
            failure: None,
            once: None,
            parked: None,
            settled: false,
        }
    }

    /// Whether somebody should look at it: it failed for good, no other job waits for it, and it is not settled.
    pub fn is_dead(&self) -> bool {
        matches!(self.state, JobState::Failed | JobState::Expired) && self.parent.is_none() && !self.settled
    }

    /// Whether these words are in its name, a tag, or in why it failed or is parked.
    fn says(&self, text: &str) -> bool {
        let text = text.to_ascii_lowercase();
        let has = |own: &str| own.to_ascii_lowercase().contains(&text);
        has(&self.name)
            || self.failure.as_deref().is_some_and(has)
            || self.parked.as_deref().is_some_and(has)
            || self.tags.iter().any(|tag| has(tag))
    }

    /// What becomes of it by a change; what is over stays so.
    pub fn apply(&mut self, change: &Change) {
        if self.state.is_over() {
            return;
        }
        self.state = change.state;
        self.ended = change.ended;
        self.failure.clone_from(&change.failure);
        self.parked.clone_from(&change.parked);
    }
}

/// What of a head changes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Where the job stands now.
    pub state: JobState,
    /// When it ended, if it is over.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it did not succeed, or will not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Arc<str>>,
    /// Why the program that holds it cannot go on with it, if that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parked: Option<Arc<str>>,
}

impl Change {
    /// A job that stands there now, and goes on.
    pub fn to(state: JobState) -> Self {
        Self { state, ended: None, failure: None, parked: None }
    }
}

/// What became of an [`Entry`]. Where there are several reasons to refuse it, the first of these is told: it is
/// [stale](Self::Stale), it was [heard](Self::Not) before, its key for ever is [taken](Self::Taken), its unique key is,
/// the letter is [settled](Self::Settled).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It is written; the job is held under this epoch, which of a new job is the [first](Epoch::FIRST).
    Written(Epoch),
    /// Of a new job: another that is not over has its unique key, or any has taken its key for ever. This one; it may be
    /// the very job that is asked for, which was forgotten since.
    Taken(JobId),
    /// Of a new job in the place of a dead letter, and of settling one: it is none, or none any more.
    Settled,
    /// The note is written, and has this version now.
    Noted(u64),
    /// The note has another version than it should: this one.
    Differs(u64),
    /// Of a new job: there is one of this id already, which this very term has made and holds as it has made it, or which
    /// was to be [free](Entry::New::free). Of more lines: they do not begin where the journal ends, which has so many
    /// records. Who has asked twice knows by it that the first time was heard.
    Not {
        /// How many records the job has.
        count: u32,
    },
    /// Of a new job: there is one of this id already, and it is not this term's, or was taken over since: whoever made it,
    /// this asking did not. (The runs of a schedule have ids that all nodes know.)
    Elsewhere,
    /// The job is held under another epoch, or not at all, or the term is over.
    Stale,
}

/// A job that was taken over.
#[derive(Debug, Clone)]
pub struct Claimed {
    /// The epoch under which it is held from now on.
    pub epoch: Epoch,
    /// What there is of it.
    pub kept: Kept,
}

/// A job, as a store keeps it.
#[derive(Debug, Clone)]
pub struct Kept {
    /// What lists show of it.
    pub head: Head,
    /// Its records, as they were written, in their order.
    pub lines: Vec<Lines>,
}

impl Kept {
    /// The records.
    ///
    /// # Errors
    /// When one of them is not what this library has ever written; names it by its number.
    pub fn records(&self) -> Result<Vec<Line>, StoreError> {
        let mut records = Vec::new();
        for lines in &self.lines {
            let number = records.len();
            let wrong = |what: String| {
                let message = format!("job {}: record {number} and those after it: {what}", self.head.id);
                StoreError::new(StoreErrorKind::Corrupt, message)
            };
            let some: Vec<Line> =
                serde_json::from_str(&lines.json).map_err(|error| wrong(error.to_string()))?;
            if u32::try_from(some.len()) != Ok(lines.count) {
                return Err(wrong(format!("there should be {}, and there are {}", lines.count, some.len())));
            }
            records.extend(some);
        }
        Ok(records)
    }
}

/// Which jobs a list holds. What is not said lets all of them through.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Filter {
    /// Those in one of these states; in any, if there is none.
    pub states: Vec<JobState>,
    /// Those that run this.
    pub name: Option<String>,
    /// Those that have this tag.
    pub tag: Option<String>,
    /// Those that begin in this queue.
    pub queue: Option<String>,
    /// Those that a task of this job waits for.
    pub parent: Option<JobId>,
    /// Those that [are dead letters](Head::is_dead).
    pub dead: bool,
    /// Those that are [parked](Head::parked), and not over.
    pub parked: bool,
    /// Those that have these words in their name, a tag, or in why they failed or are parked; whether letters of ASCII are
    /// capitals is not looked at.
    pub text: Option<String>,
    /// Those that were accepted then or later.
    pub since: Option<Timestamp>,
    /// Those that were accepted before.
    pub until: Option<Timestamp>,
    /// Those whose id is greater.
    pub after: Option<JobId>,
    /// Those whose id is smaller.
    pub before: Option<JobId>,
    /// The greatest id first.
    pub newest: bool,
    /// So many at most.
    pub limit: Option<usize>,
}

impl Filter {
    /// Whether a job is let through; the limit aside.
    pub fn lets(&self, head: &Head) -> bool {
        self.after.is_none_or(|after| head.id > after)
            && self.before.is_none_or(|before| head.id < before)
            && self.since.is_none_or(|since| head.submitted >= since)
            && self.until.is_none_or(|until| head.submitted < until)
            && (self.states.is_empty() || self.states.contains(&head.state))
            && (!self.dead || head.is_dead())
            && (!self.parked || (head.parked.is_some() && !head.state.is_over()))
            && self.parent.is_none_or(|parent| head.parent.is_some_and(|own| own.job == parent))
            && self.tag.as_ref().is_none_or(|tag| head.tags.iter().any(|own| **own == **tag))
            && self.queue.as_ref().is_none_or(|queue| *head.queue == **queue)
            && self.name.as_ref().is_none_or(|name| *head.name == **name)
            && self.text.as_ref().is_none_or(|text| head.says(text))
    }

    /// Of heads by ascending id, those that this lists, in its order.
    pub(crate) fn pick<'a, I>(&'a self, heads: I) -> Vec<Head>
    where
        I: DoubleEndedIterator<Item = &'a Head>,
    {
        let most = self.limit.unwrap_or(usize::MAX);
        let lets = |head: &&Head| self.lets(head);
        if self.newest {
            heads.rev().filter(lets).take(most).cloned().collect()
        } else {
            heads.filter(lets).take(most).cloned().collect()
        }
    }

    /// Brings heads in the order of the list.
    #[cfg(feature = "sqlite")]
    pub(crate) fn sort(&self, heads: &mut [Head]) {
        heads.sort_unstable_by_key(|head| head.id);
        if self.newest {
            heads.reverse();
        }
    }
}

/// Why a store could not do what it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct StoreError {
    kind: StoreErrorKind,
    message: String,
}

/// What kind of failure it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// It may go better next time: it is busy, full, unreachable.
    Unavailable,
    /// What it keeps is not what was written.
    Corrupt,
    /// Somebody else uses it who does not share it.
    InUse,
    /// It was made by a newer version of this library, or is no store at all.
    Foreign,
    /// The term is over: another has begun.
    Superseded,
}

impl StoreError {
    /// An error; the message says what, where, and what to do.
    pub fn new(kind: StoreErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }

    /// What kind of failure it is.
    pub fn kind(&self) -> StoreErrorKind {
        self.kind
    }
}
