//! What is written of jobs, and not yet in their rows: kept in mind until it is.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::job_id::JobId;
use crate::small_map::Spread;
use crate::store::{Change, Head, Term};

/// Jobs by their id.
pub(super) type ById<T> = HashMap<JobId, T, BuildHasherDefault<Spread>>;

/// What is known of a job without asking the file.
#[derive(Debug, Clone)]
pub(super) struct Held {
    /// Its number: that of the first row of its lines.
    pub(super) number: i64,
    /// The last row of its lines.
    pub(super) last: Option<i64>,
    /// How many records it has.
    pub(super) count: i64,
    pub(super) term: Term,
    pub(super) epoch: i64,
    pub(super) over: bool,
    pub(super) news: News,
}

/// What of a job is not in its row yet.
#[derive(Debug, Clone)]
pub(super) enum News {
    /// Nothing.
    None,
    /// Where its lines end.
    Longer,
    /// How it stands, too.
    Changed(Arc<Change>),
    /// It has no row.
    New(Arc<Head>),
}

impl Held {
    /// More lines of it are written: up to this row.
    pub(super) fn lengthen(&mut self, last: i64, records: u32) {
        self.last = Some(last);
        self.count += i64::from(records);
        if let News::None = self.news {
            self.news = News::Longer;
        }
    }

    /// It stands otherwise now.
    pub(super) fn change(&mut self, change: &Change) {
        self.over = change.state.is_over();
        self.news.change(change);
    }
}

impl News {
    /// The job stands otherwise now.
    pub(super) fn change(&mut self, change: &Change) {
        match self {
            Self::New(head) => Arc::make_mut(head).apply(change),
            news => *news = Self::Changed(Arc::new(change.clone())),
        }
    }
}

/// What is committed and not in the jobs' rows, for those who read.
#[derive(Debug, Clone, Default)]
pub(super) struct Young(Arc<Mutex<Told>>);

/// What those who read are told when something was committed.
#[derive(Debug, Default)]
pub(super) struct Told {
    pub(super) jobs: ById<Held>,
    /// Up to which row of lines it goes.
    pub(super) told: i64,
    /// Up to which row of lines the jobs' rows say all.
    pub(super) swept: i64,
}

/// What somebody has heard who is about to read.
pub(super) struct Heard {
    pub(super) jobs: Vec<Held>,
    pub(super) told: i64,
    pub(super) swept: i64,
}

impl Young {
    pub(super) fn all(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What there is to hear of one job, or of all.
    pub(super) fn hear(&self, job: Option<JobId>) -> Heard {
        let Told { jobs, told, swept } = &*self.all();
        let jobs = match job {
            Some(job) => jobs.get(&job).cloned().into_iter().collect(),
            None => jobs.values().cloned().collect(),
        };
        Heard { jobs, told: *told, swept: *swept }
    }
}
