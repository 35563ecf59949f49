//! What an agent's context asks of the engine.

use std::any::Any;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll};
use std::time::Duration;

use serde_json::Value as Json;
use tokio::sync::oneshot;

use super::attempt::Attempt;
use super::event::Event;
use super::job::Progress;
use super::trace::context_in;
use super::wait::Sleep;
use crate::choice::{Chance, Goal, Measured};
use crate::context::{Host, Pending, Resources, TaskManager};
use crate::deed::Deed;
use crate::error::AgentError;
use crate::failure::{Failure, FailureKind};
use crate::record::{Spawn, TaskId};
use crate::schedule::Tick;
use crate::stats::AgentStats;
use crate::telemetry::TraceContext;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// How many entries a job's cache holds.
const CACHE: usize = 1000;

/// How many lines of an attempt's log are kept, and of how many bytes each.
const LINES: u32 = 1000;
const LINE: usize = 4096;

/// As much of a line as is kept.
fn cut(line: &str) -> Arc<str> {
    match line.len() {
        ..=LINE => line.into(),
        _ => format!("{}…", &line[..line.floor_char_boundary(LINE)]).into(),
    }
}

impl Host for Attempt {
    fn job_id(&self) -> &str {
        self.job_id()
    }

    fn task_id(&self) -> &str {
        self.path()
    }

    fn attempt(&self) -> u32 {
        self.number
    }

    fn role(&self) -> Option<String> {
        let own = {
            let inner = self.job.lock();
            let machine = inner.live_ref()?.machine.as_ref()?;
            self.engine.options_for(&self.job, machine, self.task)?.role.as_deref().map(str::to_owned)
        };
        own.or_else(|| Some(self.engine.options_of(&self.job)?.role.as_deref()?.to_owned()))
    }

    fn engine(&self) -> Option<Arc<dyn Any + Send + Sync>> {
        Some(Arc::clone(&*self.engine) as _)
    }

    fn audit(&self, deed: Deed) -> Pending<Result<(), AgentError>> {
        let engine = Arc::clone(&*self.engine);
        Box::pin(async move { engine.note_deed(&deed).await.map_err(AgentError::retry) })
    }

    #[cfg(feature = "postgres")]
    fn once(&self) -> Result<crate::store::Once, AgentError> {
        let none =
            || AgentError::permanent("a transaction needs a runtime whose jobs are kept in PostgreSQL");
        let scribe = self.engine.scribe.as_ref().ok_or_else(none)?;
        let store = scribe.store().map_err(AgentError::retry)?;
        let number = self.transactions.fetch_add(1, Ordering::Relaxed);
        let epoch = self.job.lock().stored.epoch.ok_or_else(none)?;
        let key = crate::store::OnceKey { job: self.job.id, epoch, step: self.path().to_owned(), number };
        Ok(crate::store::Once { store: Box::new(store), key })
    }

    fn deadline(&self) -> Option<Timestamp> {
        self.deadline
    }

    fn now(&self) -> Timestamp {
        self.engine.clock.now()
    }

    fn tick(&self) -> Option<Arc<Tick>> {
        self.job.options().tick.clone()
    }

    fn trace_context(&self) -> Option<TraceContext> {
        let own = self.span.as_ref().and_then(|span| span.context());
        own.or_else(|| context_in(self.job.options()))
    }

    fn resources(&self) -> &Resources {
        &self.engine.resources
    }

    fn manager(&self) -> &TaskManager {
        &self.engine.manager
    }

    fn is_cancelled(&self) -> bool {
        self.is_told()
    }

    fn poll_cancelled(&self, context: &mut Context<'_>) -> Poll<()> {
        self.poll_told(context)
    }

    fn sleep(&self, time: Duration) -> Pending<()> {
        Box::pin(Sleep::new(&self.engine, self.engine.clock.now() + time))
    }

    fn beat(&self) {
        Self::beat(self);
    }

    fn progress(&self, fraction: f64, message: &str) {
        self.beat();
        let fraction = if fraction.is_finite() { fraction.clamp(0.0, 1.0) } else { 0.0 };
        let progress = Progress { step: self.path().into(), fraction, message: message.into() };
        let wakers = {
            let mut inner = self.job.lock();
            let live = inner.live();
            live.progress.insert(self.task, progress.clone());
            live.last_progress = Some(progress.clone());
            live.progressed += 1;
            live.wake_watchers()
        };
        wakers.into_iter().for_each(std::task::Waker::wake);
        self.engine.publish_progress(&self.job, progress);
    }

    fn log(&self, message: &str) {
        tracing::info!(job = self.job_id(), task = self.path(), attempt = self.number, "{message}");
        let message = match self.logged.fetch_add(1, Ordering::Relaxed) {
            ..LINES => cut(message),
            LINES => format!("{LINES} lines of an attempt are kept, and no more").into(),
            _ => return,
        };
        self.engine.post(&self.job, Event::Log { task: self.task, attempt: self.number, message });
    }

    fn save(&self, value: Value) -> Pending<Result<(), AgentError>> {
        self.beat();
        let (told, answer) = oneshot::channel();
        self.engine.post(&self.job, Event::Save { task: self.task, value, told });
        Box::pin(async move {
            answer.await.map_err(|_| AgentError::permanent("the attempt is over: nothing can be saved"))
        })
    }

    fn saved(&self) -> Option<Value> {
        let inner = self.job.lock();
        inner.live_ref()?.machine.as_ref()?.saved(self.task).cloned()
    }

    fn spawn(&self, spawn: Spawn, of_job: bool) -> Pending<Result<TaskId, AgentError>> {
        let (told, answer) = oneshot::channel();
        let parent = if of_job { None } else { Some(self.task) };
        self.engine.post(&self.job, Event::Spawn { parent, spawn: Arc::new(spawn), told });
        Box::pin(async move {
            match answer.await {
                Ok(made) => made.map_err(AgentError::permanent),
                Err(_) => Err(AgentError::permanent("the job is over: it takes no more tasks")),
            }
        })
    }

    fn join(&self, task: TaskId) -> Pending<Result<Value, Arc<Failure>>> {
        let (told, answer) = oneshot::channel();
        self.engine.post(&self.job, Event::Join { task, told });
        self.joins.fetch_add(1, Ordering::Relaxed);
        let lent = Lent { attempt: self.own(), is_lent: self.engine.lend(&self.job, self.task) };
        Box::pin(async move {
            let answer = answer.await;
            drop(lent);
            answer.unwrap_or_else(|_| Err(Arc::new(Failure::new(FailureKind::Cancelled, "the job is over"))))
        })
    }

    fn next_spawn(&self) -> u32 {
        self.spawned.fetch_add(1, Ordering::Relaxed)
    }

    fn stats(&self, agent: &str) -> Option<AgentStats> {
        self.engine.stats(agent)
    }

    fn choose(&self, name: &str, options: &[String], goal: Goal) -> usize {
        // Two choices of one attempt are not made by the same chance.
        let number = self.choices.fetch_add(1, Ordering::Relaxed);
        let of = format!("{}/{number}", self.number);
        let mut chance = Chance::of(&[self.job_id(), self.path(), name, &of]);
        self.engine.learned.choose(name, options, &goal, &mut chance)
    }

    fn learn(&self, name: &str, option: &str, measured: Measured, goal: Goal) {
        self.engine.learned.learn(name, option, measured, goal);
    }

    fn cost(&self, cents: f64) {
        self.engine.agents[self.agent as usize].counters.cost(cents);
        let mut inner = self.job.lock();
        let costs = &mut inner.live().costs;
        let before = costs.get(&self.task).copied().unwrap_or(0.0);
        costs.insert(self.task, before + cents);
    }

    fn cost_of(&self, task: TaskId) -> f64 {
        self.job.lock().live_ref().and_then(|live| live.costs.get(&task).copied()).unwrap_or(0.0)
    }

    fn callee(&self, task: TaskId) -> Option<String> {
        let inner = self.job.lock();
        Some(inner.live_ref()?.machine.as_ref()?.spawn(task)?.callee.name.to_string())
    }

    fn cached(&self, key: &str) -> Option<Json> {
        self.job.lock().live_ref()?.cache.get(key).cloned()
    }

    fn cache(&self, key: &str, value: Json) {
        let mut inner = self.job.lock();
        let cache = &mut inner.live().cache;
        if cache.len() >= CACHE && !cache.contains_key(key) {
            // Any of them: it is a cache.
            let one = cache.keys().next().cloned();
            one.and_then(|one| cache.remove(&one));
        }
        cache.insert(key.to_owned(), value);
    }
}

/// An attempt that waits for its subtasks holds no place in its queue: they may need it.
struct Lent {
    attempt: Arc<Attempt>,
    is_lent: bool,
}

impl Drop for Lent {
    fn drop(&mut self) {
        self.attempt.beat();
        self.attempt.joins.fetch_sub(1, Ordering::Relaxed);
        if self.is_lent {
            self.attempt.engine.take_back(&self.attempt.job, self.attempt.task);
        }
    }
}
