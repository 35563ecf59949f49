//! The schedules of a runtime, as programs hold them.

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value as Json;

use crate::engine::{Handed, Order, Page, Unedited, Waits};
use crate::handle::JobHandle;
use crate::job_id::JobId;
use crate::record::Work;
use crate::runnable::Runnable;
use crate::runtime::Runtime;
use crate::schedule::{Rule, Schedule, Tick};
use crate::scheduling::Scheduling;
use crate::store::StoreError;
use crate::timestamp::Timestamp;
use crate::value::Value;

/// The schedules of a runtime: what runs again and again.
///
/// They are kept where jobs are kept, and go on with the runtime. Each tick of a schedule is a job, one, ever, whatever
/// becomes of the process, and however many runtimes share the store. Such a job has the tag `schedule:` and the
/// schedule's name, and its agents see the [tick](crate::TaskContext::tick).
///
/// A schedule keeps its runtime going, also when every handle of it is dropped, until it is
/// [shut down](Runtime::shutdown).
#[derive(Debug, Clone)]
pub struct Schedules {
    runtime: Runtime,
}

/// Why something could not be done with a schedule.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScheduleError {
    /// There is none of this name.
    #[error("there is no schedule `{name}`{}", cure(nearest.as_deref()))]
    Unknown {
        /// The name.
        name: String,
        /// The name that is most like it.
        nearest: Option<String>,
    },
    /// What it runs is not there, or does not take the input.
    #[error("the schedule `{name}` cannot run: {problem}")]
    Unrunnable {
        /// The schedule.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Something that was set is not right.
    #[error("the schedule `{name}` cannot be set: {problem}")]
    BadSetting {
        /// The schedule.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// What is kept of it was written by something else, or by a newer version of this library.
    #[error("what is kept of the schedule `{name}` cannot be read; remove it, and set it anew: {problem}")]
    Unreadable {
        /// The schedule.
        name: String,
        /// Why not.
        problem: String,
    },
    /// The store cannot be read or written. What was to be written may yet be, once it can be.
    #[error("{}: {error}", subject(name.as_deref()))]
    Store {
        /// The schedule, if it is about one.
        name: Option<String>,
        /// What the store says.
        error: StoreError,
    },
    /// The runtime shuts down, or another process has taken its place.
    #[error("the schedule `{name}`: the runtime shuts down, or another process has the store now")]
    ShuttingDown {
        /// The schedule.
        name: String,
    },
}

fn cure(nearest: Option<&str>) -> String {
    nearest.map(|nearest| format!("; did you mean `{nearest}`?")).unwrap_or_default()
}

fn subject(name: Option<&str>) -> String {
    name.map_or_else(|| "the schedules".to_owned(), |name| format!("the schedule `{name}`"))
}

/// A schedule, as it stands.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ScheduleStatus {
    /// When it fires, and what holds when that goes wrong.
    pub schedule: Schedule,
    /// What it runs, by name.
    pub runs: String,
    /// All its ticks up to this moment ran, will run, or were left out.
    pub handled: Timestamp,
    /// When it is due next; not if it is paused, or over.
    pub next: Option<Timestamp>,
    /// The tick that waits until the runs before it are over.
    pub waiting: Option<Tick>,
    /// The runs that are not over, if the schedule minds that they [meet](crate::schedule::Overlap) others.
    pub running: Vec<JobId>,
    /// Why nothing of it runs in this program, if that is so: what it runs is not there, or takes another input.
    pub problem: Option<String>,
}

/// What came of a [backfill](Schedules::backfill).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Backfilled {
    /// The jobs of ticks that had none.
    pub jobs: Vec<JobHandle<Json>>,
    /// How many ticks had one already.
    pub taken: usize,
}

/// So many ticks of a backfill are handed in at once.
const AT_ONCE: usize = 100;

impl Schedules {
    pub(crate) fn new(runtime: Runtime) -> Self {
        Self { runtime }
    }

    /// Sets a schedule: `.await` does it. If there is one of this name, it is changed where it is not as it is set here,
    /// and goes on from where it is; so a program sets its schedules whenever it starts.
    pub fn set<R: Runnable>(&self, name: impl Into<Arc<str>>, rule: impl Into<Rule>, what: R) -> Scheduling {
        let work = self.runtime.work_of(what.into_work());
        Scheduling::new(self.runtime.clone(), name.into(), rule.into(), work)
    }

    /// The same, for a workflow or an agent by its name, with JSON that is checked against its schema.
    pub fn set_json(
        &self,
        name: impl Into<Arc<str>>,
        rule: impl Into<Rule>,
        target: &str,
        input: Json,
    ) -> Scheduling {
        let work = self.runtime.checked(target, input);
        Scheduling::new(self.runtime.clone(), name.into(), rule.into(), work)
    }

    /// All of them, by name, but for those of which what is kept [cannot be read](Self::unreadable).
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn list(&self) -> Result<Vec<ScheduleStatus>, ScheduleError> {
        let pages = self.pages().await?;
        Ok(pages.iter().filter_map(|page| Some(self.status(&page.order().ok()?.0))).collect())
    }

    /// Those of which what is kept cannot be read, and why. They stay as they are.
    ///
    /// # Errors
    /// When the store cannot be read.
    pub async fn unreadable(&self) -> Result<Vec<(Arc<str>, String)>, ScheduleError> {
        let pages = self.pages().await?;
        let problem = |page: &Arc<Page>| match page.order() {
            Err(Unedited::Unreadable(problem)) => Some((Arc::clone(&page.name), problem)),
            _ => None,
        };
        Ok(pages.iter().filter_map(problem).collect())
    }

    /// A schedule, as it stands.
    ///
    /// # Errors
    /// When there is none of this name, and when the store cannot be read.
    pub async fn get(&self, name: &str) -> Result<ScheduleStatus, ScheduleError> {
        let (_, order) = self.find(name).await?;
        Ok(self.status(&order))
    }

    /// Lets nothing of it be due until it is [resumed](Self::resume); what runs goes on, and what waits waits. Says
    /// whether it was not paused already.
    ///
    /// # Errors
    /// When there is none of this name, and when the store cannot be written.
    pub async fn pause(&self, name: &str) -> Result<bool, ScheduleError> {
        self.edit(name, |order| (!order.schedule.paused).then(|| order.schedule.pause())).await
    }

    /// Ends a pause; says whether there was one. Ticks of the pause are neither run nor missed.
    ///
    /// # Errors
    /// When there is none of this name, and when the store cannot be written.
    pub async fn resume(&self, name: &str) -> Result<bool, ScheduleError> {
        let now = self.now();
        self.edit(name, |order| order.schedule.paused.then(|| order.schedule.resume(now))).await
    }

    /// Runs it now, whatever its rule says, beside what else of it runs, and also in a pause. Waits for room if its queue
    /// is full.
    ///
    /// # Errors
    /// When there is none of this name, when what it runs is not in this program, and when the store cannot be written.
    pub async fn trigger(&self, name: &str) -> Result<JobHandle<Json>, ScheduleError> {
        let (page, order) = self.find(name).await?;
        self.check(&order)?;
        let handed =
            self.runtime.engine.trigger(&page).await.map_err(|unedited| self.error(name, unedited))?;
        match handed {
            Handed::In(job) => Ok(self.handle(job)),
            Handed::Unrunnable(problem) => Err(unrunnable(&order, problem)),
            _ => Err(ScheduleError::ShuttingDown { name: name.to_owned() }),
        }
    }

    /// Runs the ticks from one moment on, and before another, that have not run: those that were skipped, those of a
    /// pause, those before it was set. Ticks that are to come are not among them. They run beside one another and beside
    /// what else of it runs; the limits of its queue hold. Asked for again, it runs those that have not run by then.
    ///
    /// # Errors
    /// When there is none of this name, when what it runs is not in this program, and when the store cannot be written.
    pub async fn backfill(
        &self,
        name: &str,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Backfilled, ScheduleError> {
        let (_, order) = self.find(name).await?;
        self.check(&order)?;
        let order = Arc::new(order);
        let to = to.min(self.now() + Duration::from_micros(1));
        let mut ticks = order.schedule.backfill(from, to);
        let mut done = Backfilled { jobs: Vec::new(), taken: 0 };
        loop {
            let some: Vec<Tick> = ticks.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return Ok(done);
            }
            self.fill(&order, some, &mut done).await?;
        }
    }

    async fn fill(
        &self,
        order: &Arc<Order>,
        ticks: Vec<Tick>,
        done: &mut Backfilled,
    ) -> Result<(), ScheduleError> {
        let (engine, name) = (&self.runtime.engine, || order.schedule.name.clone());
        let taken = engine.are_taken(&ticks).await;
        let taken = taken.map_err(|error| ScheduleError::Store { name: Some(name()), error })?;
        let free = ticks.into_iter().zip(&taken).filter(|(_, taken)| !**taken).map(|(tick, _)| tick);
        done.taken += taken.iter().filter(|taken| **taken).count();
        let handed = engine.hand_in_all(order, free.collect()).await;
        for handed in handed.map_err(|unedited| self.error(&order.schedule.name, unedited))? {
            match handed {
                Handed::In(job) => done.jobs.push(self.handle(job)),
                Handed::Taken | Handed::Elsewhere => done.taken += 1,
                Handed::Unrunnable(problem) => return Err(unrunnable(order, problem)),
                Handed::Down => return Err(ScheduleError::ShuttingDown { name: name() }),
            }
        }
        Ok(())
    }

    /// The next moments at which it fires, if it is not paused by then.
    ///
    /// # Errors
    /// When there is none of this name, and when the store cannot be read.
    pub async fn next_times(&self, name: &str, count: usize) -> Result<Vec<Timestamp>, ScheduleError> {
        let (_, order) = self.find(name).await?;
        Ok(order.schedule.next_times(self.now(), count))
    }

    /// Takes a schedule away, also one of which what is kept cannot be read. What runs goes on; what waits does not run.
    /// Ticks that ran stay known: if it is set again, they do not run again.
    ///
    /// # Errors
    /// When there is none of this name, and when the store cannot be written.
    pub async fn remove(&self, name: &str) -> Result<(), ScheduleError> {
        let page = self.page(name).await?;
        self.runtime.engine.remove_order(&page.name).await.map_err(|unedited| self.error(name, unedited))
    }

    /// What the clock says that schedules go by.
    pub(crate) fn now(&self) -> Timestamp {
        self.runtime.engine.clock.of_day()
    }

    async fn edit(
        &self,
        name: &str,
        change: impl FnMut(&mut Order) -> Option<()> + Send,
    ) -> Result<bool, ScheduleError> {
        let (page, _) = self.find(name).await?;
        let edited = self.runtime.engine.edit_order(&page.name, Waits::AWhile, change).await;
        let edited = edited.map_err(|unedited| self.error(name, unedited))?;
        self.runtime.engine.look_at(name);
        Ok(edited.is_some())
    }

    /// What the store keeps of them now.
    async fn pages(&self) -> Result<Vec<Arc<Page>>, ScheduleError> {
        let engine = &self.runtime.engine;
        engine.load_orders().await.map_err(|error| ScheduleError::Store { name: None, error })?;
        Ok(engine.timetable.pages())
    }

    async fn page(&self, name: &str) -> Result<Arc<Page>, ScheduleError> {
        let engine = &self.runtime.engine;
        if let Some(page) = engine.timetable.page(name) {
            return Ok(page);
        }
        let store = |error| ScheduleError::Store { name: Some(name.to_owned()), error };
        engine.load_orders().await.map_err(store)?;
        engine.timetable.page(name).ok_or_else(|| self.unknown(name))
    }

    async fn find(&self, name: &str) -> Result<(Arc<Page>, Order), ScheduleError> {
        let page = self.page(name).await?;
        let (order, _) = page.order().map_err(|unedited| self.error(name, unedited))?;
        Ok((page, order))
    }

    fn check(&self, order: &Order) -> Result<(), ScheduleError> {
        let work = self.runtime.engine.work_of_order(&order.work);
        work.map(drop).map_err(|problem| unrunnable(order, problem))
    }

    fn status(&self, order: &Order) -> ScheduleStatus {
        let engine = &self.runtime.engine;
        let due = order.schedule.due(&order.state, self.now());
        let is_over = |job: JobId| engine.index.get(job).is_some_and(|job| job.result().is_some());
        ScheduleStatus {
            schedule: order.schedule.clone(),
            runs: match &order.work {
                Work::Call { callee, .. } => callee.name.to_string(),
                Work::Tasks(tasks) => tasks.name.clone(),
            },
            handled: order.state.handled,
            next: due.ticks.first().map(|tick| tick.due).or(due.next),
            waiting: order.waiting.clone(),
            running: order.runs.iter().map(|run| run.job).filter(|job| !is_over(*job)).collect(),
            problem: engine.work_of_order(&order.work).err(),
        }
    }

    fn handle(&self, job: Arc<crate::engine::Job>) -> JobHandle<Json> {
        JobHandle::new(Arc::clone(&self.runtime.engine), job, Value::json)
    }

    pub(crate) fn error(&self, name: &str, unedited: Unedited) -> ScheduleError {
        let name = name.to_owned();
        match unedited {
            Unedited::Gone => self.unknown(&name),
            Unedited::Unreadable(problem) => ScheduleError::Unreadable { name, problem },
            Unedited::Store(error) => ScheduleError::Store { name: Some(name), error },
            Unedited::Down => ScheduleError::ShuttingDown { name },
        }
    }

    fn unknown(&self, name: &str) -> ScheduleError {
        let pages = self.runtime.engine.timetable.pages();
        let names = pages.iter().map(|page| &*page.name);
        let nearest = workflow_graph::nearest(name, names).map(str::to_owned);
        ScheduleError::Unknown { name: name.to_owned(), nearest }
    }
}

fn unrunnable(order: &Order, problem: String) -> ScheduleError {
    ScheduleError::Unrunnable { name: order.schedule.name.clone(), problem }
}
