//! Metrics as Prometheus reads them: the text format, version 0.0.4.

use std::fmt::Write;
use std::time::Duration;

use super::histogram::Histogram;
use super::snapshot::{AgentMetrics, JobMetrics, Metrics, QueueMetrics};

/// The bounds that are told of a histogram. The parts that are counted are narrower.
const BOUNDS: [Duration; 20] = [
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_micros(500),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(5),
    Duration::from_millis(10),
    Duration::from_millis(25),
    Duration::from_millis(50),
    Duration::from_millis(100),
    Duration::from_millis(250),
    Duration::from_millis(500),
    Duration::from_secs(1),
    Duration::from_millis(2500),
    Duration::from_secs(5),
    Duration::from_secs(10),
    Duration::from_secs(30),
    Duration::from_secs(60),
    Duration::from_secs(300),
    Duration::from_secs(1800),
];

impl Metrics {
    /// What [`to_prometheus`](Self::to_prometheus) gives is of this type, for the header `content-type`.
    pub const CONTENT_TYPE: &'static str = "text/plain; version=0.0.4; charset=utf-8";

    /// All of it as Prometheus reads it: what `GET /metrics` answers.
    pub fn to_prometheus(&self) -> String {
        let mut text = Text::default();
        text.queues(&self.queues);
        text.agents(&self.agents);
        text.jobs(&self.jobs);
        text.rest(self);
        text.0
    }
}

/// Labels of a sample: names, and values as they are.
type Labels<'a> = &'a [(&'a str, &'a str)];

/// The text as far as it is written.
#[derive(Default)]
struct Text(String);

impl Text {
    fn queues(&mut self, queues: &[QueueMetrics]) {
        let of = |queue: &QueueMetrics| [("queue", queue.queue.to_string())];
        self.gauge("workflow_queue_waiting", "Tasks and jobs that wait for a place.", queues, of, |queue| {
            f64::from(queue.waiting)
        });
        self.gauge("workflow_queue_running", "Places that are held.", queues, of, |queue| {
            f64::from(queue.running)
        });
        self.gauge("workflow_queue_concurrency", "Places that there are.", queues, of, |queue| {
            f64::from(queue.concurrency)
        });
        self.gauge(
            "workflow_queue_paused",
            "Whether the queue is paused: 1 if it is.",
            queues,
            of,
            |queue| f64::from(u8::from(queue.paused)),
        );
        let help = "For how long the one has waited that came first; 0 if nobody waits.";
        self.gauge("workflow_queue_oldest_seconds", help, queues, of, |queue| {
            queue.oldest.unwrap_or_default().as_secs_f64()
        });
        self.counter("workflow_queue_started_total", "Attempts that began.", queues, of, |queue| {
            queue.started
        });
        self.counter("workflow_queue_ended_total", "Attempts that ended.", queues, of, |queue| queue.ended);
        let help = "How long attempts waited from when they could have begun.";
        self.histogram("workflow_queue_start_latency_seconds", help, queues, of, |queue| {
            &queue.start_latency
        });
    }

    fn agents(&mut self, agents: &[AgentMetrics]) {
        let of = |agent: &AgentMetrics| [("agent", agent.agent.to_string())];
        self.head("workflow_attempts_total", "counter", "Attempts that ended, by how.");
        for agent in agents {
            let ended = &agent.attempts;
            let outcomes = [
                ("succeeded", ended.succeeded),
                ("failed", ended.failed),
                ("cancelled", ended.cancelled),
                ("timed_out", ended.timed_out),
            ];
            for (outcome, count) in outcomes {
                let labels = &[("agent", &*agent.agent), ("outcome", outcome)];
                self.sample("workflow_attempts_total", labels, count);
            }
        }
        let help = "Attempts that failed and were followed by another.";
        self.counter("workflow_attempt_retries_total", help, agents, of, |agent| agent.retries);
        #[expect(clippy::cast_precision_loss, reason = "so many need not be exact")]
        self.gauge("workflow_attempts_active", "Attempts that run just now.", agents, of, |agent| {
            agent.active as f64
        });
        let help = "How long attempts took.";
        self.histogram("workflow_attempt_duration_seconds", help, agents, of, |agent| &agent.duration);
    }

    fn jobs(&mut self, jobs: &[JobMetrics]) {
        let of = |job: &JobMetrics| [("kind", job.kind.name().to_owned()), ("name", job.name.to_string())];
        self.counter("workflow_jobs_submitted_total", "Jobs that were taken in here.", jobs, of, |job| {
            job.submitted
        });
        self.head("workflow_jobs_total", "counter", "Jobs that ended here, by how.");
        for job in jobs {
            let ended = &job.outcomes;
            let outcomes = [
                ("succeeded", ended.succeeded),
                ("failed", ended.failed),
                ("cancelled", ended.cancelled),
                ("expired", ended.expired),
            ];
            for (outcome, count) in outcomes {
                let labels = &[("kind", job.kind.name()), ("name", &*job.name), ("outcome", outcome)];
                self.sample("workflow_jobs_total", labels, count);
            }
        }
        let help = "How long jobs took from when they began.";
        self.histogram("workflow_job_duration_seconds", help, jobs, of, |job| &job.duration);
    }

    fn rest(&mut self, all: &Metrics) {
        self.head(
            "workflow_limit_waiting",
            "gauge",
            "Tasks and jobs that wait at a limit, and hold no place.",
        );
        self.sample("workflow_limit_waiting", &[], all.limits.waiting);
        self.head("workflow_limit_waits_total", "counter", "Tasks and jobs that had to wait at a limit.");
        for (limit, count) in &all.limits.waits {
            self.sample("workflow_limit_waits_total", &[("limit", limit)], *count);
        }
        let store: Vec<_> = all.store.iter().collect();
        let none = |_: &&_| [] as [(&str, String); 0];
        self.counter("workflow_store_commits_total", "Batches that were written.", &store, none, |store| {
            store.commits
        });
        self.counter("workflow_store_entries_total", "Entries that they held.", &store, none, |store| {
            store.entries
        });
        let help = "Batches that could not be written, and were tried again.";
        self.counter("workflow_store_errors_total", help, &store, none, |store| store.errors);
        let help = "How long a batch took to be written.";
        self.histogram("workflow_store_commit_duration_seconds", help, &store, none, |store| &store.commit);
        let lease = &all.lease;
        for (name, help, count) in [
            ("workflow_lease_terms_total", "Terms that this process began.", lease.begun),
            (
                "workflow_lease_lost_total",
                "Terms that were over, for this process was not heard.",
                lease.lost,
            ),
            ("workflow_takeovers_total", "How often jobs were taken over from the store.", lease.takeovers),
        ] {
            self.head(name, "counter", help);
            self.sample(name, &[], count);
        }
        self.head("workflow_jobs_taken_over_total", "counter", "Jobs taken over from the store.");
        for (state, count) in [("begun", lease.jobs_begun), ("waiting", lease.jobs_waiting)] {
            self.sample("workflow_jobs_taken_over_total", &[("state", state)], count);
        }
        self.head("workflow_jobs_parked", "gauge", "Jobs in the store that this program cannot go on with.");
        self.sample("workflow_jobs_parked", &[], all.parked);
        self.head(
            "workflow_dead_letters_total",
            "counter",
            "Jobs that failed for good and nobody waited for.",
        );
        self.sample("workflow_dead_letters_total", &[], all.dead_letters);
        self.head("workflow_events_missed_total", "counter", "Events that observers were too slow for.");
        self.sample("workflow_events_missed_total", &[], all.events_missed);
    }

    fn head(&mut self, name: &str, kind: &str, help: &str) {
        // To write into a text cannot fail.
        let _ = writeln!(self.0, "# HELP {name} {help}\n# TYPE {name} {kind}");
    }

    fn gauge<T, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        all: &[T],
        labels: impl Fn(&T) -> [(&'static str, String); N],
        value: impl Fn(&T) -> f64,
    ) {
        self.head(name, "gauge", help);
        for one in all {
            let labels = labels(one);
            self.sample(name, &borrowed(&labels), value(one));
        }
    }

    fn counter<T, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        all: &[T],
        labels: impl Fn(&T) -> [(&'static str, String); N],
        value: impl Fn(&T) -> u64,
    ) {
        self.head(name, "counter", help);
        for one in all {
            let labels = labels(one);
            self.sample(name, &borrowed(&labels), value(one));
        }
    }

    fn histogram<T, const N: usize>(
        &mut self,
        name: &str,
        help: &str,
        all: &[T],
        labels: impl Fn(&T) -> [(&'static str, String); N],
        value: impl Fn(&T) -> &Histogram,
    ) {
        self.head(name, "histogram", help);
        for one in all {
            let (labels, histogram) = (labels(one), value(one));
            let labels = borrowed(&labels);
            let bucket = format!("{name}_bucket");
            for bound in BOUNDS {
                let le = format!("{:?}", bound.as_secs_f64());
                self.sample(&bucket, &[&labels[..], &[("le", &le)]].concat(), histogram.up_to(bound));
            }
            self.sample(&bucket, &[&labels[..], &[("le", "+Inf")]].concat(), histogram.count);
            self.sample(&format!("{name}_sum"), &labels, histogram.sum.as_secs_f64());
            self.sample(&format!("{name}_count"), &labels, histogram.count);
        }
    }

    fn sample(&mut self, name: &str, labels: Labels<'_>, value: impl std::fmt::Display) {
        self.0.push_str(name);
        for (place, (label, value)) in labels.iter().enumerate() {
            self.0.push(if place == 0 { '{' } else { ',' });
            let _ = write!(self.0, "{label}=\"{}\"", escaped(value));
        }
        if !labels.is_empty() {
            self.0.push('}');
        }
        let _ = writeln!(self.0, " {value}");
    }
}

fn borrowed<'a>(labels: &'a [(&'static str, String)]) -> Vec<(&'a str, &'a str)> {
    labels.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// A label's value as the format wants it.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}
