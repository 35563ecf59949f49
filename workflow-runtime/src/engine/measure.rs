//! What the engine has counted, as it stands, and whether it is well.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::core::Engine;
use super::job::{Job, JobWork, Live};
use super::meter::JobMeter;
use crate::machine::Machine;
use crate::metrics::{
    AgentMetrics, Attempts, Health, Histogram, JobKind, JobMetrics, LimitMetrics, Metrics, QueueMetrics,
    StoreHealth,
};
use crate::program::Place;
use crate::state::JobState;
use crate::timestamp::Timestamp;

impl Engine {
    fn meter_of(&self, work: &JobWork) -> &JobMeter {
        match work {
            JobWork::Call(Place::Agent(agent), _) => &self.meters.agents[*agent as usize],
            JobWork::Call(Place::Workflow(workflow), _) => &self.meters.workflows[*workflow as usize],
            JobWork::Tasks(_) => &self.meters.tasks,
        }
    }

    /// A new job was taken in.
    pub(super) fn count_submitted(&self, job: &Job) {
        self.meter_of(&job.work).submit();
    }

    /// A job is over.
    pub(super) fn count_over(&self, job: &Job, live: &Live, now: Timestamp) {
        let machine = live.machine.as_ref();
        let state = machine.map_or(JobState::Failed, Machine::state);
        let begun = machine.and_then(Machine::begun).unwrap_or(now);
        self.meter_of(&job.work).end(state, now.since(begun));
        if matches!(state, JobState::Failed | JobState::Expired) && job.options().parent.is_none() {
            self.meters.dead_letters.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// All that was counted.
    pub(crate) fn metrics(&self) -> Metrics {
        let now = self.clock.now();
        Metrics {
            at: now,
            queues: self.measured_queues(now),
            agents: self.measured_agents(),
            jobs: self.measured_jobs(),
            limits: LimitMetrics { waiting: self.gates.waiting() as u64, waits: self.gates.waits() },
            store: self.scribe.as_ref().map(|scribe| scribe.meter.read()),
            lease: self.meters.lease.read(),
            parked: super::executor::lock(&self.parked).len() as u64,
            dead_letters: self.meters.dead_letters.load(Ordering::Relaxed),
            events_missed: self.watch.missed(),
        }
    }

    fn measured_queues(&self, now: Timestamp) -> Vec<QueueMetrics> {
        let measure = |queue: &Arc<super::queue::Waiting>| {
            let (started, ended, start_latency) = queue.meter.read();
            QueueMetrics {
                queue: Arc::clone(&queue.settings.name),
                waiting: queue.waiting(),
                running: queue.running(),
                concurrency: queue.settings.concurrency,
                paused: queue.is_paused(),
                oldest: queue.least(|entry| entry.since).map(|since| now.since(since)),
                started,
                ended,
                start_latency,
            }
        };
        let mut queues: Vec<QueueMetrics> = self.queues().iter().map(measure).collect();
        queues.sort_by(|one, other| one.queue.cmp(&other.queue));
        queues
    }

    fn measured_agents(&self) -> Vec<AgentMetrics> {
        let all = self.names.0.iter().zip(&self.agents);
        let measured = all.filter(|(_, run)| run.counters.is_used()).map(|(name, run)| {
            let tally = run.counters.tally();
            AgentMetrics {
                agent: Arc::clone(name),
                active: tally.active,
                attempts: Attempts {
                    succeeded: tally.succeeded(),
                    failed: tally.failed,
                    cancelled: tally.cancelled,
                    timed_out: tally.timed_out,
                },
                retries: tally.retries,
                duration: Histogram::from(&tally.durations),
            }
        });
        measured.collect()
    }

    fn measured_jobs(&self) -> Vec<JobMetrics> {
        let nameless: Arc<str> = Arc::from("");
        let agents = self.names.0.iter().zip(&self.meters.agents).map(|pair| (JobKind::Agent, pair));
        let dags = std::iter::once((JobKind::Dag, (&nameless, &self.meters.tasks)));
        let workflows = self.names.1.iter().zip(&self.meters.workflows).map(|pair| (JobKind::Workflow, pair));
        let measured = agents.chain(dags).chain(workflows).filter_map(|(kind, (name, meter))| {
            let (submitted, outcomes, duration) = meter.read()?;
            Some(JobMetrics { kind, name: Arc::clone(name), submitted, outcomes, duration })
        });
        measured.collect()
    }

    /// Whether the engine is well.
    pub(crate) fn health(&self) -> Health {
        let store = self.scribe.as_ref().map(|scribe| StoreHealth {
            name: scribe.store_name().to_owned(),
            trouble: scribe.trouble().map(|error| error.to_string()),
            heard: scribe.lease().map(|_| {
                self.clock
                    .now()
                    .since(Timestamp::from_micros(self.meters.lease.heard.load(Ordering::Relaxed)))
            }),
            lease: scribe.lease(),
        });
        Health {
            store,
            recovered: self.scribe.is_none() || self.recovered.1.load(Ordering::SeqCst),
            shutting_down: self.stopping.load(Ordering::SeqCst),
        }
    }
}
