//! What the store tells of what other nodes have done: whoever waits for it is woken.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;

use crate::store::News;

/// What was told and not looked at.
#[derive(Debug, Default)]
pub(crate) struct Newsroom {
    jobs: AtomicBool,
    words: AtomicBool,
    notes: AtomicBool,
    gates: AtomicBool,
    /// Told of these four.
    bell: Notify,
    replies: Notify,
    ended: Notify,
}

/// What there is to look at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Heard {
    pub(super) jobs: bool,
    pub(super) words: bool,
    pub(super) notes: bool,
    pub(super) gates: bool,
}

impl Heard {
    /// All that there may be.
    pub(super) const ALL: Self = Self { jobs: true, words: true, notes: true, gates: true };

    /// That there may be jobs to take over.
    pub(super) const JOBS: Self = Self { jobs: true, words: false, notes: false, gates: false };
}

impl Newsroom {
    /// Takes in what is told.
    pub(super) fn tell(&self, news: News) {
        let is = |own: News| news == own || news == News::Anything;
        let flags = [
            (&self.jobs, News::Jobs),
            (&self.words, News::Words),
            (&self.notes, News::Notes),
            (&self.gates, News::Gates),
        ];
        for (flag, own) in flags {
            if is(own) {
                flag.store(true, Ordering::SeqCst);
                self.bell.notify_one();
            }
        }
        if is(News::Replies) {
            self.replies.notify_waiters();
        }
        if is(News::Ended) {
            self.ended.notify_one();
        }
    }

    /// What was told since the last time.
    pub(super) fn take(&self) -> Heard {
        let take = |flag: &AtomicBool| flag.swap(false, Ordering::SeqCst);
        Heard {
            jobs: take(&self.jobs),
            words: take(&self.words),
            notes: take(&self.notes),
            gates: take(&self.gates),
        }
    }

    /// Waits until there is something to look at.
    pub(super) async fn wait(&self) {
        self.bell.notified().await;
    }

    /// Waits until somebody has replied.
    pub(super) async fn replied(&self) {
        self.replies.notified().await;
    }

    /// Waits until a job is over that is asked for.
    pub(super) async fn ended(&self) {
        self.ended.notified().await;
    }
}
