//! One attempt, as one straight pipeline: take its place, check the input, run, check the output, tell the job.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use super::alarm::Alarm;
use super::callee::Callee;
use super::core::Engine;
use super::event::{Done, Event};
use super::executor::lock;
use super::gate::Ask;
use super::job::Job;
use super::queue::Waiting;
use super::settings::StallAction;
use super::timers::AlarmKey;
use super::trace::{AttemptSpan, Seed, inside};
use crate::agent::Running;
use crate::context::TaskContext;
use crate::data::Erased;
use crate::error::{Advice, AgentError};
use crate::failure::{Failure, FailureKind};
use crate::options::Options;
use crate::panics::caught;
use crate::record::TaskId;
use crate::registered::RegisteredAgent;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// An attempt that has a place.
#[derive(Debug)]
pub(crate) struct Start {
    pub(super) terms: Terms,
    pub(super) input: Result<Erased, Box<Failure>>,
    /// What its span is made of, if somebody listens.
    pub(super) trace: Option<Box<Seed>>,
}

/// Which attempt it is, and how long it may take.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    pub(super) task: TaskId,
    pub(super) number: u32,
    pub(super) agent: u32,
    pub(super) limits: Limits,
    /// When it is given up for its task's or its job's sake.
    pub(super) deadline: Option<Timestamp>,
}

impl Terms {
    pub(super) fn ended(&self, done: Done) -> Event {
        Event::Ended { task: self.task, attempt: self.number, done }
    }
}

/// How long an attempt may take, and how long it may be silent.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(super) timeout: Option<Duration>,
    pub(super) heartbeat: Option<Duration>,
}

impl Limits {
    pub(super) fn of(options: &Options) -> Self {
        Self { timeout: options.timeout, heartbeat: options.heartbeat }
    }
}

/// The place and the passages that an attempt holds until it ends.
#[derive(Debug)]
pub(crate) struct Held {
    pub(super) queue: Arc<Waiting>,
    pub(super) asks: Vec<Ask>,
    /// Whether they were given back, for a while, by one who waits for others.
    pub(super) lent: u32,
}

/// The engine, by way of a counter that one job's attempts share: were it the engine's own, every core would wait for
/// every other's to change it.
pub(super) type EngineRef = Arc<Arc<Engine>>;

/// An attempt.
#[derive(Debug)]
pub(crate) struct Attempt {
    me: Weak<Attempt>,
    /// By way of a counter of the job's, which no other core writes.
    pub(super) engine: EngineRef,
    pub(super) job: Arc<Job>,
    pub(super) task: TaskId,
    pub(super) number: u32,
    pub(super) agent: u32,
    pub(super) limits: Limits,
    pub(super) began: Instant,
    /// The same, on a clock that a test moves.
    began_at: Timestamp,
    names: OnceLock<Box<Names>>,
    pub(super) spawned: AtomicU32,
    /// How many transactions it has begun.
    #[cfg(feature = "postgres")]
    pub(super) transactions: AtomicU32,
    /// How many lines it has written to the log.
    pub(super) logged: AtomicU32,
    /// How many choices it has made.
    pub(super) choices: AtomicU32,
    /// How many of its subtasks it waits for: that is no silence.
    pub(super) joins: AtomicU32,
    pub(super) last_beat: AtomicU64,
    pub(super) deadline: Option<Timestamp>,
    pub(super) span: Option<Box<AttemptSpan>>,
    control: Control,
}

/// What an attempt is called, once somebody wants to know.
#[derive(Debug)]
struct Names {
    job: String,
    path: String,
}

/// How an attempt is told to stop.
#[derive(Debug, Default)]
struct Control {
    stage: AtomicU8,
    over: AtomicBool,
    /// Nothing, unless the attempt did not end at once.
    inner: Mutex<Option<Box<ControlInner>>>,
}

impl Control {
    fn with<T>(&self, change: impl FnOnce(&mut ControlInner) -> T) -> T {
        change(lock(&self.inner).get_or_insert_with(Box::default))
    }
}

#[derive(Debug, Default)]
struct ControlInner {
    why: Option<(FailureKind, String)>,
    /// Those who wait to be told.
    waiting: Vec<Waker>,
    /// Who polls the agent's future.
    runner: Option<Waker>,
    alarms: Vec<AlarmKey>,
}

const GOING: u8 = 0;
const TOLD: u8 = 1;
const KILLED: u8 = 2;

impl Attempt {
    pub(super) fn new(
        engine: &EngineRef,
        job: &Arc<Job>,
        terms: Terms,
        began: Instant,
        span: Option<Box<AttemptSpan>>,
    ) -> Arc<Self> {
        let timeout = terms.limits.timeout.map(|timeout| engine.clock.now() + timeout);
        let deadline = match (timeout, terms.deadline) {
            (Some(timeout), Some(deadline)) => Some(timeout.min(deadline)),
            (one, other) => one.or(other),
        };
        let began_at = if engine.clock.is_virtual() { engine.clock.now() } else { Timestamp::EPOCH };
        Arc::new_cyclic(|me| Self {
            me: me.clone(),
            engine: Arc::clone(engine),
            job: Arc::clone(job),
            task: terms.task,
            number: terms.number,
            agent: terms.agent,
            limits: terms.limits,
            began,
            began_at,
            names: OnceLock::new(),
            spawned: AtomicU32::new(0),
            #[cfg(feature = "postgres")]
            transactions: AtomicU32::new(0),
            logged: AtomicU32::new(0),
            choices: AtomicU32::new(0),
            joins: AtomicU32::new(0),
            last_beat: AtomicU64::new(0),
            deadline,
            span,
            control: Control::default(),
        })
    }

    pub(super) fn own(&self) -> Arc<Self> {
        self.me.upgrade().expect("who calls this has it by a counter")
    }

    /// Arms what watches over an attempt that did not end at once.
    pub(super) fn guard(self: &Arc<Self>) {
        let now = self.engine.clock.now();
        self.last_beat.store(now.as_micros(), Ordering::Relaxed);
        let weak = || Arc::downgrade(self);
        let mut alarms = Vec::new();
        if let Some(timeout) = self.limits.timeout {
            alarms.push(self.engine.timers.set(now + timeout, Alarm::Timeout(weak())));
        }
        if let Some(heartbeat) = self.limits.heartbeat {
            alarms.push(self.engine.timers.set(now + heartbeat, Alarm::Silence(weak())));
        }
        self.control.with(|inner| inner.alarms.extend(alarms));
    }

    fn add_alarm(&self, at: Timestamp, alarm: Alarm) {
        let key = self.engine.timers.set(at, alarm);
        self.control.with(|inner| inner.alarms.push(key));
        if self.control.over.load(Ordering::SeqCst) {
            self.engine.timers.cancel(key);
        }
    }

    pub(super) fn is_told(&self) -> bool {
        self.control.stage.load(Ordering::Acquire) != GOING
    }

    pub(super) fn poll_told(&self, context: &Context<'_>) -> Poll<()> {
        if self.is_told() {
            return Poll::Ready(());
        }
        self.control.with(|inner| {
            if self.is_told() {
                return Poll::Ready(());
            }
            if !inner.waiting.iter().any(|waker| waker.will_wake(context.waker())) {
                inner.waiting.push(context.waker().clone());
            }
            Poll::Pending
        })
    }

    /// Tells the attempt to stop. It has a while to do so; then it is dropped.
    pub(crate) fn tell(self: &Arc<Self>, kind: FailureKind, why: String) {
        let waiting = self.control.with(|inner| {
            let (stage, acquire) = (&self.control.stage, Ordering::Acquire);
            stage.compare_exchange(GOING, TOLD, Ordering::AcqRel, acquire).ok()?;
            inner.why = Some((kind, why));
            Some(std::mem::take(&mut inner.waiting))
        });
        let Some(waiting) = waiting else { return };
        waiting.into_iter().for_each(Waker::wake);
        let now = self.engine.clock.now();
        self.add_alarm(now + self.engine.config.grace, Alarm::Grace(Arc::downgrade(self)));
    }

    pub(super) fn kill(&self) {
        let runner = self.control.with(|inner| {
            self.control.stage.store(KILLED, Ordering::Release);
            inner.runner.take()
        });
        if let Some(runner) = runner {
            runner.wake();
        }
    }

    pub(super) fn timed_out(self: &Arc<Self>) {
        let limit = self.limits.timeout.unwrap_or_default();
        let limit = workflow_graph::format_duration(limit);
        self.tell(FailureKind::TimedOut, format!("it took longer than its timeout of {limit}"));
    }

    pub(super) fn beat(&self) {
        self.last_beat.store(self.engine.clock.now().as_micros(), Ordering::Relaxed);
    }

    pub(super) fn check_heartbeat(self: &Arc<Self>) {
        let Some(heartbeat) = self.limits.heartbeat else { return };
        if self.control.over.load(Ordering::SeqCst) || self.is_told() {
            return;
        }
        let now = self.engine.clock.now();
        if self.joins.load(Ordering::Relaxed) > 0 {
            self.beat();
        }
        let due = Timestamp::from_micros(self.last_beat.load(Ordering::Relaxed)) + heartbeat;
        if now < due {
            return self.add_alarm(due, Alarm::Silence(Arc::downgrade(self)));
        }
        let silence = format!("it was silent for longer than {}", workflow_graph::format_duration(heartbeat));
        match &self.engine.config.on_stall {
            StallAction::Retry => self.tell(FailureKind::Stalled, silence),
            StallAction::CancelJob => {
                let reason = format!("step `{}` stalled: {silence}", self.path());
                self.engine.post(&self.job, Event::Cancel(reason, None));
            }
            StallAction::Call(function) => {
                if let Err(panic) = caught(|| function(self.job_id(), self.path())) {
                    tracing::warn!(job = self.job_id(), task = self.path(), "the stall action {panic}");
                }
                self.last_beat.store(now.as_micros(), Ordering::Relaxed);
                self.add_alarm(now + heartbeat, Alarm::Silence(Arc::downgrade(self)));
            }
        }
    }

    pub(super) fn job_id(&self) -> &str {
        &self.names().job
    }

    pub(super) fn path(&self) -> &str {
        &self.names().path
    }

    fn names(&self) -> &Names {
        self.names.get_or_init(|| {
            let inner = self.job.lock();
            let machine = inner.live_ref().and_then(|live| live.machine.as_ref());
            let path = machine.map(|machine| machine.path(self.task)).unwrap_or_default();
            Box::new(Names { job: self.job.id.to_string(), path })
        })
    }

    fn why(&self) -> Option<(FailureKind, String)> {
        lock(&self.control.inner).as_ref()?.why.clone()
    }

    fn killed(&self) -> Done {
        let (kind, why) = self.why().unwrap_or((FailureKind::Cancelled, "it was dropped".to_owned()));
        Err(Box::new((Failure::new(kind, why), Advice::Retry)))
    }

    /// Tells the job what became of it.
    pub(super) fn ended(&self, done: Done, took: Duration) -> Event {
        let is_virtual = self.engine.clock.is_virtual();
        let took = if is_virtual { self.engine.clock.now().since(self.began_at) } else { took };
        self.control.over.store(true, Ordering::SeqCst);
        self.engine.agents[self.agent as usize].counters.end(failed(&done), took);
        self.engine.note_time(self.agent, &done, took);
        if let Some(span) = &self.span {
            span.end(&done);
        }
        let inner = lock(&self.control.inner).take();
        let alarms = inner.map(|inner| inner.alarms).unwrap_or_default();
        alarms.into_iter().for_each(|alarm| self.engine.timers.cancel(alarm));
        Event::Ended { task: self.task, attempt: self.number, done }
    }

    /// Does something inside of its span.
    pub(super) fn inside<T>(&self, act: impl FnOnce() -> T) -> T {
        inside(self.span.as_deref(), act)
    }

    /// Polls the agent once, with what can go wrong caught.
    pub(super) fn poll(&self, future: &mut Running, context: &mut Context<'_>) -> Poll<Done> {
        match caught(|| self.inside(|| future.as_mut().poll(context))) {
            Ok(Poll::Pending) => Poll::Pending,
            Ok(Poll::Ready(result)) => Poll::Ready(self.done(Ok(result))),
            Err(panic) => Poll::Ready(self.done(Err(panic))),
        }
    }

    fn done(&self, result: Result<Result<Erased, AgentError>, String>) -> Done {
        self.engine.agent(self.agent).done(result, || self.why())
    }
}

impl RegisteredAgent {
    /// What became of an attempt, in words that others can read, once the agent has given something; `why` tells
    /// whether it was told to stop.
    pub(super) fn done(
        &self,
        result: Result<Result<Erased, AgentError>, String>,
        why: impl FnOnce() -> Option<(FailureKind, String)>,
    ) -> Done {
        match result {
            Ok(Ok(output)) => match self.check_output(&output) {
                Ok(()) => Ok(Value::Typed(output, self.output_codec())),
                Err(error) => {
                    let message = format!("the output of `{}` is not right: {error}", self.name());
                    Err(Box::new((Failure::new(FailureKind::BadOutput, message), Advice::Retry)))
                }
            },
            Ok(Err(error)) => match why() {
                Some((kind, why)) => Err(Box::new((Failure::new(kind, why), Advice::Retry))),
                None => Err(Box::new(Failure::of_agent(&error))),
            },
            Err(panic) => Err(Box::new((Failure::new(FailureKind::Panic, panic), Advice::Retry))),
        }
    }
}

/// Polls an agent's future to its end, unless the attempt is killed.
pub(super) struct Runner {
    pub(super) attempt: Arc<Attempt>,
    pub(super) future: Option<Running>,
    pub(super) polled: Duration,
}

impl Future for Runner {
    type Output = Event;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Event> {
        let attempt = Arc::clone(&self.attempt);
        attempt.control.with(|inner| inner.runner = Some(context.waker().clone()));
        let began = Instant::now();
        let done = if attempt.control.stage.load(Ordering::Acquire) == KILLED {
            // Dropping may run code of the agent's.
            let future = self.future.take();
            if let Err(panic) = caught(|| attempt.inside(|| drop(future))) {
                tracing::warn!(
                    job = attempt.job_id(),
                    task = attempt.path(),
                    "while it was dropped, it {panic}"
                );
            }
            attempt.killed()
        } else {
            let Some(future) = self.future.as_mut() else { return Poll::Pending };
            match attempt.poll(future, context) {
                Poll::Ready(done) => done,
                Poll::Pending => {
                    self.polled += began.elapsed();
                    return Poll::Pending;
                }
            }
        };
        self.polled += began.elapsed();
        // What the future holds is let go of before anybody hears that it is over.
        let future = self.future.take();
        let _ = caught(|| attempt.inside(|| drop(future)));
        Poll::Ready(attempt.ended(done, attempt.began.elapsed()))
    }
}

/// How an attempt failed, if it did.
pub(super) fn failed(done: &Done) -> Option<FailureKind> {
    done.as_ref().err().map(|failed| failed.0.kind)
}

impl Engine {
    /// How long an attempt may take. A timeout that adapts makes it shorter, and never longer, than what is set.
    pub(super) fn limits_of(&self, callee: &Callee<'_>) -> Limits {
        let mut limits = Limits::of(&callee.options);
        let run = &self.agents[callee.agent as usize];
        if let Some(adaptive) = &run.limits.adaptive {
            let adapted = lock(&run.lately).timeout(adaptive);
            limits.timeout = Some(limits.timeout.map_or(adapted, |set| set.min(adapted)));
        }
        limits
    }

    /// Notes how long an attempt took, where a timeout follows that.
    pub(super) fn note_time(&self, agent: u32, done: &Done, took: Duration) {
        let run = &self.agents[agent as usize];
        if run.limits.adaptive.is_some() && matches!(failed(done), None | Some(FailureKind::TimedOut)) {
            lock(&run.lately).add(took, done.is_ok());
        }
    }

    /// Whether a test has put something in the place of an agent.
    pub(super) fn has_overrides(&self) -> bool {
        self.has_overrides.load(Ordering::Relaxed)
    }

    /// The agent's future for a start.
    pub(super) fn future_of(&self, attempt: &Arc<Attempt>, input: Erased) -> Result<Running, String> {
        let context = TaskContext::of(Arc::clone(attempt) as Arc<dyn crate::context::Host>);
        if self.has_overrides()
            && let Some(known) = lock(&self.overrides).get(&attempt.agent).cloned()
        {
            let failing = known.failing.iter().find(|(number, ..)| *number == attempt.number);
            if let Some((_, failure, advice)) = failing {
                let error = AgentError::advised(failure.clone(), *advice);
                return Ok(Box::pin(std::future::ready(Err(error))));
            }
            if let Some(body) = known.body {
                return caught(|| attempt.inside(|| body(input, context)));
            }
        }
        let agent = self.agent(attempt.agent);
        caught(|| attempt.inside(|| agent.spec.start(input, context)))
    }
}
