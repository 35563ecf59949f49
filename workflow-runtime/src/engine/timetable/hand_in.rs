//! How a tick becomes a job: one, ever, for its key is taken once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::busy::Busy;
use super::edit::{Unedited, Waits};
use super::order::{Order, Run, key_of};
use super::page::Page;
use crate::engine::core::Engine;
use crate::engine::job::{Job, JobWork};
use crate::error::AgentError;
use crate::job_id::JobId;
use crate::program::Place;
use crate::record::{Target, Work};
use crate::schedule::Tick;
use crate::store::{StoreError, Verdict};
use crate::value::Value;

/// What became of a tick that was handed in.
#[derive(Debug)]
pub(crate) enum Handed {
    /// It is this job.
    In(Arc<Job>),
    /// Another job has its key.
    Taken,
    /// Another process has made the job.
    Elsewhere,
    /// What it runs is not there, or does not take the input.
    Unrunnable(String),
    /// Nothing is taken in any more.
    Down,
}

impl Engine {
    /// Has the job of a run made, however long that takes, unless somebody here is at it.
    pub(super) fn hand_in(self: &Arc<Self>, page: &Arc<Page>, order: &Order, run: Run) {
        if page.begin_handing(run.job) {
            let (engine, page, order) = (Arc::clone(self), Arc::clone(page), order.clone());
            self.executor.spawn(async move { drop(engine.run_tick(&page, &order, &run).await) });
        }
    }

    async fn run_tick(self: &Arc<Self>, page: &Page, order: &Order, run: &Run) -> Handed {
        let handed = self.take_tick_in(order, run.job, &run.tick).await;
        match &handed {
            Handed::In(job) if page.is_replaced(job.id) => self.stop_replaced(job.id),
            Handed::In(_) | Handed::Elsewhere | Handed::Down => {}
            Handed::Taken => self.strike(page, run.job).await,
            Handed::Unrunnable(problem) => {
                tracing::error!(schedule = &*page.name, tick = %run.tick.moment, "it does not run: {problem}");
            }
        }
        if page.end_handing(run.job) {
            self.look_at(&page.name);
        }
        handed
    }

    /// Runs a schedule now. That it is to run is kept before it does.
    pub(crate) async fn trigger(self: &Arc<Self>, page: &Arc<Page>) -> Result<Handed, Unedited> {
        let job = self.ids.make(self.clock.now());
        page.begin_handing(job);
        let kept = self.edit_order(&page.name, Waits::AWhile, |order| {
            let run = order.trigger(self.clock.of_day(), job);
            Some((order.clone(), run))
        });
        let (order, run) = match kept.await {
            Ok(Some(kept)) => kept,
            Ok(None) => return Ok(Handed::Down),
            Err(unedited) => {
                page.end_handing(job);
                return Err(unedited);
            }
        };
        let (told, heard) = oneshot::channel();
        let (engine, page) = (Arc::clone(self), Arc::clone(page));
        self.executor.spawn(async move { drop(told.send(engine.run_tick(&page, &order, &run).await)) });
        self.hear(heard, Waits::AWhile).await
    }

    /// Has ticks handed in together, beside all other runs; gives what became of each.
    pub(crate) async fn hand_in_all(
        self: &Arc<Self>,
        order: &Arc<Order>,
        ticks: Vec<Tick>,
    ) -> Result<Vec<Handed>, Unedited> {
        let begin = |tick: Tick| {
            let (told, heard) = oneshot::channel();
            let (engine, order) = (Arc::clone(self), Arc::clone(order));
            let job = self.ids.make(self.clock.now());
            self.executor
                .spawn(async move { drop(told.send(engine.take_tick_in(&order, job, &tick).await)) });
            heard
        };
        let begun: Vec<_> = ticks.into_iter().map(begin).collect();
        let mut handed = Vec::with_capacity(begun.len());
        for heard in begun {
            handed.push(self.hear(heard, Waits::AWhile).await?);
        }
        Ok(handed)
    }

    /// Forgets a run: another job has its tick.
    async fn strike(self: &Arc<Self>, page: &Page, job: JobId) {
        let _busy = Busy::new(self);
        let struck = self.edit_order(&page.name, Waits::Always, |order| {
            let before = order.runs.len();
            order.runs.retain(|run| run.job != job);
            (order.runs.len() < before).then_some(())
        });
        // If it cannot be written, it is found out again.
        drop(struck.await);
    }

    /// Makes the job of a tick, once there is room for it; waits until it is written.
    async fn take_tick_in(self: &Arc<Self>, order: &Order, id: JobId, tick: &Tick) -> Handed {
        let work = match self.work_of_order(&order.work) {
            Ok(work) => work,
            Err(problem) => return Handed::Unrunnable(problem),
        };
        let queue = self.queue_of_work(&work, Some(&order.options_of(tick, self.clock.now()))).into_owned();
        if let Some(room) = &queue.room {
            match self.wait_for(room.acquire()).await {
                Ok(permit) => permit.forget(),
                Err(_) => return Handed::Down,
            }
        }
        let give_room_back = || queue.room.iter().for_each(|room| room.add_permits(1));
        if self.stopping.load(Ordering::SeqCst) || self.has_crashed() {
            give_room_back();
            return Handed::Down;
        }
        if self.scribe.is_none() && !self.timetable.take(tick) {
            give_room_back();
            return Handed::Taken;
        }
        let options = order.options_of(tick, self.clock.now());
        match self.accept_as(id, work, Some(Box::new(options)), queue.room.is_some()) {
            Ok(job) => self.begin_tick(job).await,
            Err(problem) => {
                give_room_back();
                Handed::Unrunnable(problem)
            }
        }
    }

    async fn begin_tick(self: &Arc<Self>, job: Arc<Job>) -> Handed {
        if self.scribe.is_none() {
            self.let_go(&job, None);
            return Handed::In(job);
        }
        let (told, heard) = oneshot::channel();
        self.let_go(&job, Some(told));
        match self.wait_for(heard).await {
            Ok(Ok(())) => Handed::In(job),
            Ok(Err(verdict)) => {
                self.withdraw(&job);
                match verdict {
                    Verdict::Taken(_) => Handed::Taken,
                    Verdict::Elsewhere | Verdict::Not { .. } => Handed::Elsewhere,
                    _ => Handed::Down,
                }
            }
            Err(_) => Handed::Down,
        }
    }

    /// Which of these ticks have a job already, or had one.
    pub(crate) async fn are_taken(self: &Arc<Self>, ticks: &[Tick]) -> Result<Vec<bool>, StoreError> {
        let keys: Vec<_> = ticks.iter().map(key_of).collect();
        let asked = self.ask_store(move |store| {
            keys.iter().map(|key| Ok(store.taker(key)?.is_some())).collect::<Result<Vec<bool>, StoreError>>()
        });
        let here = || ticks.iter().map(|tick| self.timetable.is_taken(tick)).collect();
        Ok(asked.await?.unwrap_or_else(here))
    }

    /// What an order asks to be run, in this program; or why it cannot be.
    pub(crate) fn work_of_order(&self, work: &Work) -> Result<JobWork, String> {
        let callees: Vec<&Target> = match work {
            Work::Call { callee, .. } => vec![callee],
            Work::Tasks(tasks) => tasks.tasks.iter().map(|spawn| &spawn.callee).collect(),
        };
        if let Some((name, said)) =
            callees.iter().find_map(|callee| Some((&callee.name, self.config.off.said(&callee.name)?)))
        {
            return Err(format!("`{name}` is switched off ({said})"));
        }
        match work {
            Work::Call { callee, input } => {
                let place = self.place_named(callee)?;
                let input = input.json().map_err(|error| error.to_string())?;
                let input = self.checked_input(place, input);
                let wrong = |error| format!("the input of `{}` is not right: {error}", callee.name);
                Ok(JobWork::Call(place, input.map_err(wrong)?))
            }
            Work::Tasks(tasks) => {
                tasks.tasks.iter().try_for_each(|spawn| self.place_named(&spawn.callee).map(drop))?;
                Ok(JobWork::Tasks(Arc::clone(tasks)))
            }
        }
    }

    fn place_named(&self, callee: &Target) -> Result<Place, String> {
        Place::find(&self.registry, &callee.name, callee.kind)
            .ok_or_else(|| format!("there is no `{}` in this program", callee.name))
    }

    /// JSON as the input of what is at a place.
    pub(crate) fn checked_input(&self, place: Place, input: serde_json::Value) -> Result<Value, AgentError> {
        match place {
            Place::Workflow(place) => {
                let workflow = &self.registry.workflows()[place as usize];
                Ok(Value::Typed(workflow.admit_json(input)?, workflow.code().input.codec))
            }
            Place::Agent(place) => {
                let agent = &self.registry.agents()[place as usize];
                Ok(Value::Typed(agent.admit_json(&input)?, agent.spec.input.codec))
            }
        }
    }
}
