//! How an attempt is started: polled at once, on the executor, or on a thread of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::attempt::{Attempt, EngineRef, Runner, Start, failed};
use super::core::Engine;
use super::event::Event;
use super::job::Job;
use super::trace::inside;
use crate::agent::{Body, Running};
use crate::error::Advice;
use crate::failure::{Failure, FailureKind};
use crate::panics::caught;

/// Attempts that end in so short a time, as a rule, are polled by whoever starts them.
const QUICK: Duration = Duration::from_micros(20);

impl Engine {
    /// Starts an attempt that has a place. Gives how it ended, if it ended at once.
    pub(super) fn launch(
        self: &Arc<Self>,
        handle: &mut Option<EngineRef>,
        job: &Arc<Job>,
        start: Start,
        now: &mut Instant,
    ) -> Option<Event> {
        let began = *now;
        let Start { terms, input, trace } = start;
        let span = trace.map(|seed| Box::new(seed.begin()));
        let run = &self.agents[terms.agent as usize];
        let refused = |failure: Failure| {
            run.counters.whole(Some(failure.kind), Duration::ZERO);
            Some(terms.ended(Err(Box::new((failure, Advice::Permanent)))))
        };
        let agent = self.agent(terms.agent);
        let input = match input {
            Ok(input) => agent.admit(input),
            Err(failure) => return refused(*failure),
        };
        let input = match input {
            Ok(input) => input,
            Err(error) => {
                let message = format!("the input of `{}` is not right: {error}", agent.name());
                return refused(Failure::new(FailureKind::BadInput, message));
            }
        };
        let pace = Duration::from_nanos(u64::from(run.pace.load(Ordering::Relaxed)));
        let inline =
            self.config.inline && (self.executor.local().is_some() || (!pace.is_zero() && pace < QUICK));
        let mut attempt = |span| {
            let handle = handle.get_or_insert_with(|| Arc::new(Arc::clone(self)));
            Attempt::new(handle, job, terms, began, span)
        };
        let noop = &mut Context::from_waker(Waker::noop());
        if let (true, Body::Plain(body)) = (inline && !self.has_overrides(), &agent.spec.body) {
            // Nobody can ask for this attempt before its first poll is over: most of them never come to be.
            let begin = || {
                let mut future = body(input);
                match future.as_mut().poll(noop) {
                    Poll::Ready(result) => Ok(result),
                    Poll::Pending => Err(future),
                }
            };
            let polled = caught(|| inside(span.as_deref(), begin));
            let took = self.pace(terms.agent, now);
            let result = match polled {
                Ok(Err(future)) => {
                    let attempt = attempt(span);
                    run.counters.start();
                    self.spawn_attempt(job, attempt, future);
                    return None;
                }
                Ok(Ok(result)) => Ok(result),
                Err(panic) => Err(panic),
            };
            let done = agent.done(result, || None);
            let took = if self.clock.is_virtual() { Duration::ZERO } else { took };
            run.counters.whole(failed(&done), took);
            self.note_time(terms.agent, &done, took);
            span.into_iter().for_each(|span| span.end(&done));
            return Some(terms.ended(done));
        }
        let attempt = attempt(span);
        let mut future = match self.future_of(&attempt, input) {
            Ok(future) => future,
            Err(panic) => return refused(Failure::new(FailureKind::Panic, panic)),
        };
        run.counters.start();
        if inline {
            let polled = attempt.poll(&mut future, noop);
            let took = self.pace(terms.agent, now);
            if let Poll::Ready(done) = polled {
                return Some(attempt.ended(done, took));
            }
            self.spawn_attempt(job, attempt, future);
        } else if pace > Duration::from_millis(1) || (pace.is_zero() && self.try_apart(terms.agent)) {
            self.run_apart(job, attempt, future);
            *now = Instant::now();
        } else {
            self.spawn_attempt(job, attempt, future);
            *now = Instant::now();
        }
        None
    }

    /// Notes how long a poll took that began when the clock was last read.
    fn pace(&self, agent: u32, now: &mut Instant) -> Duration {
        let began = std::mem::replace(now, Instant::now());
        let took = now.duration_since(began);
        self.learn(agent, took);
        took
    }

    /// Notes how long one poll of an agent took: a moving median.
    pub(super) fn learn(&self, agent: u32, took: Duration) {
        let pace = &self.agents[agent as usize].pace;
        let took = u32::try_from(took.as_nanos()).unwrap_or(u32::MAX).max(1);
        let known = pace.load(Ordering::Relaxed);
        // It goes toward what was seen by a quarter, however far that is: half of what is seen lies on either side in
        // the end, and a poll during which the thread was not run does not count for more than another. What is near
        // enough is not written, for all cores would have to hear of it.
        let next = match known {
            0 => took,
            known if took > known.saturating_mul(2) => known.saturating_add(known / 4 + 1),
            known if took < known / 2 => known - known / 4,
            _ => return,
        };
        pace.store(next.max(1), Ordering::Relaxed);
    }

    /// Whether an agent that nobody knows yet is tried on a thread of its own.
    fn try_apart(&self, agent: u32) -> bool {
        self.agents[agent as usize].trying.fetch_add(1, Ordering::Relaxed) < 4
    }

    fn register(&self, job: &Arc<Job>, attempt: &Arc<Attempt>) {
        self.active.fetch_add(1, Ordering::SeqCst);
        job.lock().live().attempts.insert(attempt.task, Arc::clone(attempt));
        attempt.guard();
    }

    fn spawn_attempt(self: &Arc<Self>, job: &Arc<Job>, attempt: Arc<Attempt>, future: Running) {
        self.register(job, &attempt);
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        self.executor.spawn(async move {
            let agent = attempt.agent;
            let mut runner = Runner { attempt, future: Some(future), polled: Duration::ZERO };
            let event = (&mut runner).await;
            engine.learn(agent, runner.polled);
            engine.finish(job, event).await;
        });
    }

    /// Polls an agent for the first time where it may hold a thread: nobody knows yet whether it does.
    fn run_apart(self: &Arc<Self>, job: &Arc<Job>, attempt: Arc<Attempt>, mut future: Running) {
        self.register(job, &attempt);
        let (engine, job) = (Arc::clone(self), Arc::clone(job));
        self.executor.spawn_blocking(move || {
            let began = Instant::now();
            let polled = attempt.poll(&mut future, &mut Context::from_waker(Waker::noop()));
            let took = began.elapsed();
            engine.learn(attempt.agent, took);
            let executor = engine.executor.clone();
            match polled {
                Poll::Ready(done) => {
                    let _ = caught(|| attempt.inside(|| drop(future)));
                    let event = attempt.ended(done, attempt.began.elapsed());
                    executor.spawn(engine.finish(job, event));
                }
                Poll::Pending => executor.spawn(async move {
                    let runner = Runner { attempt, future: Some(future), polled: Duration::ZERO };
                    let event = runner.await;
                    engine.finish(job, event).await;
                }),
            }
        });
    }
}
