//! Random workflows in a random world, on a virtual clock, from a seed that reruns exactly; and what must hold of them.

mod laws;
mod world;

use std::sync::Arc;
use std::time::Duration;

use workflow_runtime::store::Store;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, JobFilter, JobId, JobState, Queue, Registry, Resources, Runtime};

use crate::random::{self, Rng, World};
use crate::walker::Walker;

pub use laws::check_laws;
pub use world::{Mood, world};

/// What a run came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Jobs that ended, by how.
    pub succeeded: usize,
    /// Jobs that failed.
    pub failed: usize,
    /// Jobs that were cancelled.
    pub cancelled: usize,
    /// Jobs that took too long.
    pub expired: usize,
    /// Records of all of them.
    pub records: usize,
    /// How often the runtime crashed and was started again.
    pub crashes: usize,
    /// Steps that were taken back.
    pub undone: usize,
}

impl Tally {
    /// How many jobs there were.
    pub fn jobs(&self) -> usize {
        self.succeeded + self.failed + self.cancelled + self.expired
    }

    /// Adds another run.
    pub fn add(&mut self, other: Self) {
        self.succeeded += other.succeeded;
        self.failed += other.failed;
        self.cancelled += other.cancelled;
        self.expired += other.expired;
        self.records += other.records;
        self.crashes += other.crashes;
        self.undone += other.undone;
    }
}

const SIGNALS: [&str; 4] = ["sig0", "sig1", "sig2", "sig3"];

/// Runs what a seed says, and checks what must hold.
///
/// # Errors
/// Says what did not hold, and of which job.
pub async fn simulate(seed: u64) -> Result<Tally, String> {
    simulate_on(seed, None).await
}

/// The same, with the jobs kept in a store, in which there are none yet.
///
/// # Errors
/// Says what did not hold, and of which job.
pub async fn simulate_on(seed: u64, store: Option<Arc<dyn Store>>) -> Result<Tally, String> {
    let mut rng = Rng::new(seed);
    let size = 4 + rng.below(24) as usize;
    let registry = Arc::new(random::registry(rng.next(), size).map_err(|problems| problems.to_string())?);
    let mood = Mood::of(&mut rng);
    let builder = Runtime::builder()
        .registry(Arc::clone(&registry))
        .state(world(mood))
        .keep(1_000_000)
        .deaths(u32::MAX)
        .queue(Queue::new("fast").concurrency(1 + rng.below(3) as u32));
    let runtime = match store {
        Some(store) => TestRuntime::on(builder, rng.next(), store),
        None => TestRuntime::seeded(builder, rng.next()),
    };
    let mut run = Run { runtime, rng, crashes: 0, mood, roots: Vec::new() };
    run.begin().await;
    run.live().await?;
    run.end().await?;
    run.check(&registry).await
}

struct Run {
    runtime: TestRuntime,
    rng: Rng,
    crashes: usize,
    mood: Mood,
    roots: Vec<(JobId, i64)>,
}

impl Run {
    async fn begin(&mut self) {
        for _ in 0..1 + self.rng.below(3) {
            let n = i64::try_from(self.rng.below(50)).unwrap_or(0);
            let name = *self.rng.pick(&random::NAMES[..2]);
            let mut job = self.runtime.submit_json(name, serde_json::json!({ "n": n }));
            if self.rng.chance(10) {
                job = job.delay(Duration::from_secs(self.rng.below(100)));
            }
            if self.mood.interferes && self.rng.chance(10) {
                job = job.deadline(Duration::from_secs(60 + self.rng.below(100_000)));
            }
            if let Ok(job) = job.await {
                let n = if name == "Sim0" { n } else { -1 };
                self.roots.push((job.id(), n));
            }
        }
    }

    /// A while in which anything may happen.
    async fn live(&mut self) -> Result<(), String> {
        for _ in 0..8 + self.rng.below(16) {
            match self.rng.below(8) {
                0 => self.runtime.run_until_idle(),
                1 | 2 => self.signal_somebody().await,
                3 if self.mood.interferes => self.cancel_somebody().await,
                4 if self.mood.interferes => self.pause_somebody().await,
                5 if self.mood.crashes => self.crash().await?,
                _ if self.mood.is_fair() => {
                    // No event comes too late.
                    self.signal_all().await;
                    self.runtime.advance(Duration::from_millis(self.rng.below(600_000)));
                }
                _ => self.runtime.advance(Duration::from_millis(self.rng.below(20_000_000))),
            }
            self.runtime.check_journals()?;
        }
        Ok(())
    }

    fn somebody(&mut self) -> Option<JobId> {
        let alive: Vec<JobId> = self.alive();
        (!alive.is_empty()).then(|| *self.rng.pick(&alive))
    }

    fn alive(&self) -> Vec<JobId> {
        let jobs = self.runtime.jobs(&JobFilter::new());
        jobs.into_iter().filter(|job| !job.state.is_over()).map(|job| job.id).collect()
    }

    async fn signal_somebody(&mut self) {
        let Some(job) = self.somebody().and_then(|id| self.runtime.job(id)) else { return };
        let event = *self.rng.pick(&SIGNALS);
        let known = job
            .journal()
            .iter()
            .any(|record| matches!(&record.fact, Fact::Signalled { event: known, .. } if **known == *event));
        if !known {
            // Most jobs await no such event, and say so.
            let _ = job.signal(event, 7).await;
        }
    }

    async fn signal_all(&mut self) {
        for job in self.alive().into_iter().filter_map(|id| self.runtime.job(id)) {
            job.resume().await;
            let journal = job.journal();
            for event in SIGNALS {
                let known = journal.iter().any(|record| {
                    matches!(&record.fact, Fact::Signalled { event: known, .. } if **known == *event)
                });
                if !known {
                    // Most jobs await no such event, and say so.
                    let _ = job.signal(event, 7).await;
                }
            }
        }
    }

    async fn cancel_somebody(&mut self) {
        if let Some(id) = self.somebody() {
            self.runtime.cancel(id, "nobody wants it any more").await;
        }
    }

    async fn pause_somebody(&mut self) {
        let Some(job) = self.somebody().and_then(|id| self.runtime.job(id)) else { return };
        if job.state() == JobState::Paused {
            job.resume().await;
        } else {
            job.pause().await;
        }
    }

    async fn crash(&mut self) -> Result<(), String> {
        self.signal_all().await;
        self.runtime.crash_after(self.rng.below(12) as usize);
        let time = if self.mood.is_fair() { 600 } else { 100_000 };
        self.runtime.advance(Duration::from_secs(self.rng.below(time)));
        self.runtime.check_journals()?;
        self.runtime = self.runtime.restart();
        self.crashes += 1;
        self.runtime.check_journals()
    }

    /// Everything that is awaited comes, until all jobs are over.
    async fn end(&mut self) -> Result<(), String> {
        for _ in 0..40_000 {
            if self.alive().is_empty() {
                return Ok(());
            }
            self.signal_all().await;
            self.runtime.advance(Duration::from_secs(600));
        }
        let stuck: Vec<String> = self
            .alive()
            .into_iter()
            .filter_map(|id| self.runtime.job(id))
            .map(|job| format!("{:?} {:#?}", job.status(), job.tasks()))
            .collect();
        Err(format!("these jobs never end: {stuck:?}"))
    }

    async fn check(&self, registry: &Registry) -> Result<Tally, String> {
        self.runtime.check_journals()?;
        let mut tally = Tally { crashes: self.crashes, ..Tally::default() };
        let all = self.runtime.history(JobFilter::new()).await.map_err(|error| error.to_string())?;
        for head in all {
            let job = self.runtime.fetch(head.id).await.map_err(|error| error.to_string())?;
            let job = job.ok_or_else(|| format!("job {} of {} is nowhere", head.id, head.name))?;
            let (status, journal, tasks) = (job.status(), job.journal(), job.tasks());
            if (head.state, head.ended.is_some()) != (status.state, true) {
                return Err(format!("job {} is {}, and its head says {head:?}", head.id, status.state));
            }
            check_laws(registry, &status, &journal, &tasks)
                .map_err(|wrong| format!("job {} of {}: {wrong}\n{journal:#?}", status.id, status.name))?;
            tally.records += journal.len();
            tally.undone += tasks.iter().filter(|task| task.path.starts_with("undo/")).count();
            match status.state {
                JobState::Succeeded => tally.succeeded += 1,
                JobState::Failed => tally.failed += 1,
                JobState::Cancelled => tally.cancelled += 1,
                _ => tally.expired += 1,
            }
        }
        if self.mood.is_fair() {
            self.compare(registry).await?;
        }
        Ok(tally)
    }

    /// Where nobody interferes, what comes out is what the reference interpreter says.
    async fn compare(&self, registry: &Registry) -> Result<(), String> {
        for (id, n) in self.roots.iter().filter(|(_, n)| *n >= 0) {
            let mut walker =
                Walker::new(registry).resources(Resources::new().with_state::<World>(world(self.mood)));
            for event in SIGNALS {
                walker = walker.signal(event, 7_i64);
            }
            let expected = walker.run("Sim0", serde_json::json!({ "n": n })).await;
            let job = self.runtime.fetch(*id).await.map_err(|error| error.to_string())?;
            let given = job.and_then(|job| job.result());
            match (expected, given) {
                (Ok(expected), Some(Ok(given))) if expected == given => {}
                (Err(_), Some(Err(_))) => {}
                (expected, given) => {
                    return Err(format!(
                        "job {id} of Sim0 with {n} gave {given:?}, but {expected:?} is right"
                    ));
                }
            }
        }
        Ok(())
    }
}
