//! Waiting for what jobs bring about. Under tokio, others do the work; in a test, whoever waits does it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};
use std::time::Duration;

use super::alarm::Alarm;
use super::attempt::Attempt;
use super::core::Engine;
use super::executor::lock;
use super::timers::AlarmKey;
use crate::timestamp::Timestamp;

impl Engine {
    /// Polls for something that jobs bring about.
    pub(crate) fn poll<T>(
        self: &Arc<Self>,
        context: &mut Context<'_>,
        mut check: impl FnMut(&mut Context<'_>) -> Option<T>,
    ) -> Poll<T> {
        loop {
            if let Some(found) = check(context) {
                return Poll::Ready(found);
            }
            let Some(local) = self.executor.local() else { return Poll::Pending };
            if local.is_busy() {
                return Poll::Pending;
            }
            assert!(!local.is_halted(), "the runtime has crashed, as the test wanted; go on with `restart`");
            if local.turn() || self.skip_time() {
                continue;
            }
            if local.listen(context.waker()) {
                return Poll::Pending;
            }
        }
    }

    /// Moves a virtual clock to the next moment at which something happens; says whether there is one.
    pub(crate) fn skip_time(self: &Arc<Self>) -> bool {
        match self.timers.next_awaited() {
            Some(next) if self.clock.is_virtual() => {
                self.clock.move_to(next);
                self.fire_due();
                true
            }
            _ => false,
        }
    }

    /// Waits for a future that jobs bring about.
    pub(crate) async fn wait_for<F: Future>(self: &Arc<Self>, future: F) -> F::Output {
        let mut future = pin!(tokio::task::coop::unconstrained(future));
        poll_fn(|context| {
            self.poll(context, |context| match future.as_mut().poll(context) {
                Poll::Ready(found) => Some(found),
                Poll::Pending => None,
            })
        })
        .await
    }

    /// Brings a job an event, and waits until it is written down; says whether the job took it.
    pub(crate) async fn ask(
        self: &Arc<Self>,
        job: &Arc<super::job::Job>,
        event: impl FnOnce(tokio::sync::oneshot::Sender<()>) -> super::event::Event,
    ) -> bool {
        let (told, answer) = tokio::sync::oneshot::channel();
        self.post(job, event(told)) && self.wait_for(answer).await.is_ok()
    }

    /// Waits until no attempt runs, or until a moment.
    pub(crate) async fn wait_until_quiet(self: &Arc<Self>, until: Timestamp) {
        let mut sleep = Sleep::new(self, until);
        let quiet = async {
            loop {
                let told = self.quiet.notified();
                if self.active.load(Ordering::SeqCst) > 0 {
                    told.await;
                    continue;
                }
                // Who drives a job may be about to start an attempt that has its place already.
                if !self.index.all().iter().any(|job| job.lock().driving) {
                    return;
                }
                Sleep::new(self, self.clock.now() + Duration::from_millis(1)).await;
            }
        };
        let mut quiet = pin!(quiet);
        let either = poll_fn(|context| match quiet.as_mut().poll(context) {
            Poll::Ready(()) => Poll::Ready(()),
            Poll::Pending => Pin::new(&mut sleep).poll(context),
        });
        self.wait_for(either).await;
    }

    /// The attempts that run.
    pub(crate) fn attempts(&self) -> Vec<Arc<Attempt>> {
        let jobs = self.index.all();
        let of = |job: &Arc<super::job::Job>| -> Vec<Arc<Attempt>> {
            let inner = job.lock();
            inner.live_ref().map(|live| live.attempts.values().cloned().collect()).unwrap_or_default()
        };
        jobs.iter().flat_map(of).collect()
    }
}

/// Waits for one of two, whichever comes first.
pub(super) async fn either(one: impl Future<Output = ()>, other: impl Future<Output = ()>) {
    let (mut one, mut other) = (pin!(one), pin!(other));
    poll_fn(|context| match one.as_mut().poll(context) {
        Poll::Ready(()) => Poll::Ready(()),
        Poll::Pending => other.as_mut().poll(context),
    })
    .await;
}

/// A sleep by the runtime's clock.
pub(super) struct Sleep {
    engine: Arc<Engine>,
    until: Timestamp,
    key: Mutex<Option<AlarmKey>>,
}

impl Sleep {
    pub(super) fn new(engine: &Arc<Engine>, until: Timestamp) -> Self {
        Self { engine: Arc::clone(engine), until, key: Mutex::new(None) }
    }

    fn forget(&self) {
        if let Some(key) = lock(&self.key).take() {
            self.engine.timers.cancel(key);
        }
    }
}

impl Future for Sleep {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        self.forget();
        if self.engine.clock.now() >= self.until {
            return Poll::Ready(());
        }
        let key = self.engine.timers.set(self.until, Alarm::Sleeper(context.waker().clone()));
        *lock(&self.key) = Some(key);
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        self.forget();
    }
}
