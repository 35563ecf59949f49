//! What a runtime counts, and that all of it is in the pages and on the dashboard.

use workflow_tests::folder;
use workflow_tests::trace;

use std::collections::{BTreeMap, BTreeSet};
use std::num::NonZeroU32;
use std::time::Duration;

use serde_json::Value as Json;
use trace::seconds;
use workflow_runtime::prelude::*;
use workflow_runtime::telemetry::{JobKind, Metrics};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{AgentLimits, Queue, Rate};

/// Works for so many seconds; its second attempt is right.
#[task_agent(retry(max = 2, first = "1s"))]
async fn stumble(time: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
    ctx.sleep(seconds(time)).await;
    if ctx.attempt() == 1 { Err("it stumbles".into()) } else { Ok(time) }
}

#[task_agent]
async fn work(time: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
    ctx.sleep(seconds(time)).await;
    if time == 13 { Err(AgentError::permanent("it is bad luck")) } else { Ok(time) }
}

#[task_agent(timeout = "3s")]
async fn hang(time: u64, ctx: &TaskContext) -> u64 {
    ctx.sleep(seconds(time)).await;
    time
}

#[task_agent]
async fn quick(number: u64) -> u64 {
    number
}

workflow! {
    /// Two steps.
    pub workflow Both(time: u64) -> u64 {
        phase one { a = stumble(time); }
        phase two { b = quick(a); }
        *b
    }
}

fn narrow() -> TestRuntime {
    let limits = AgentLimits::new().rate(Rate { count: NonZeroU32::MIN, per: seconds(5) });
    TestRuntime::of(
        Runtime::builder()
            .queue(Queue::new("narrow \"1\"\n\\").concurrency(1))
            .limits("quick", limits)
            .jitter(0.0),
    )
}

fn queue<'a>(metrics: &'a Metrics, name: &str) -> &'a workflow_runtime::telemetry::QueueMetrics {
    metrics.queues.iter().find(|queue| &*queue.queue == name).expect("there is the queue")
}

const NARROW: &str = "narrow \"1\"\n\\";

#[tokio::test]
async fn queues_tell_who_waits_and_for_how_long() {
    let runtime = narrow();
    for time in [2, 4, 8] {
        runtime.submit(work::with(time)).queue(NARROW).await.expect("there is room");
    }
    runtime.advance(seconds(1));
    let metrics = runtime.metrics();
    let narrow = queue(&metrics, NARROW);
    assert_eq!((narrow.waiting, narrow.running, narrow.concurrency), (2, 1, 1));
    assert_eq!((narrow.started, narrow.ended, narrow.oldest), (1, 0, Some(seconds(1))));
    assert_eq!(narrow.start_latency.count, 1, "the first did not have to wait");

    runtime.advance(seconds(2));
    let later = runtime.metrics();
    let narrow_later = queue(&later, NARROW);
    let between = narrow_later.start_latency.since(&narrow.start_latency);
    assert_eq!((narrow_later.started, narrow_later.ended), (2, 1));
    assert_eq!((between.count, between.sum), (1, seconds(2)), "the second waited until the first was over");
    let p95 = between.quantile(0.95).expect("one waited");
    assert!(p95 >= seconds(2) && p95 <= seconds(2).mul_f64(1.13), "{p95:?}");

    runtime.pause_queue(NARROW).await.expect("it is in memory");
    runtime.advance(seconds(100));
    let paused = runtime.metrics();
    let narrow = queue(&paused, NARROW);
    assert_eq!((narrow.paused, narrow.waiting, narrow.running, narrow.ended), (true, 1, 0, 2));
    assert_eq!(narrow.oldest, Some(seconds(103)));
}

#[tokio::test]
async fn attempts_and_jobs_are_counted_by_how_they_ended() {
    let runtime = narrow();
    runtime.submit(Both { time: 2 }).await.expect("it is taken");
    runtime.submit(work::with(13)).await.expect("it is taken");
    runtime.submit(hang::with(100)).await.expect("it is taken");
    let job = runtime.submit(work::with(1000)).await.expect("it is taken");
    runtime.submit(work::with(1000)).deadline("20s").await.expect("it is taken");
    runtime.advance(seconds(30));
    runtime.cancel(job.id(), "nobody wants it").await;
    runtime.advance(seconds(30));
    let metrics = runtime.metrics();

    let attempts = |name: &str| {
        let agent = metrics.agents.iter().find(|agent| &*agent.agent == name).expect("it was tried");
        let ended = agent.attempts;
        (ended.succeeded, ended.failed, ended.cancelled, ended.timed_out, agent.retries, agent.active)
    };
    assert_eq!(attempts("stumble"), (1, 1, 0, 0, 1, 0));
    assert_eq!(attempts("work"), (0, 1, 2, 0, 0, 0));
    assert_eq!(attempts("hang"), (0, 0, 0, 1, 0, 0));
    assert_eq!(attempts("quick"), (1, 0, 0, 0, 0, 0));
    let stumble = metrics.agents.iter().find(|agent| &*agent.agent == "stumble").expect("it was tried");
    assert_eq!((stumble.duration.count, stumble.duration.sum), (2, seconds(4)));

    let jobs = |name: &str| {
        let job = metrics.jobs.iter().find(|job| &*job.name == name).expect("it was run");
        let ended = job.outcomes;
        (job.kind, job.submitted, ended.succeeded, ended.failed, ended.cancelled, ended.expired)
    };
    assert_eq!(jobs("Both"), (JobKind::Workflow, 1, 1, 0, 0, 0));
    assert_eq!(jobs("work"), (JobKind::Agent, 3, 0, 1, 1, 1));
    assert_eq!(jobs("hang"), (JobKind::Agent, 1, 0, 1, 0, 0));
    let both = metrics.jobs.iter().find(|job| &*job.name == "Both").expect("it was run");
    assert_eq!(both.duration.sum, seconds(5), "two attempts of two seconds, and one between them");
    assert_eq!(metrics.dead_letters, 3, "one failed, one took too long, one expired");
}

#[tokio::test]
async fn who_waits_at_a_limit_is_counted_once_by_what_for() {
    let runtime = narrow();
    for number in 0..3 {
        runtime.submit(quick::with(number)).await.expect("it is taken");
    }
    runtime.advance(seconds(1));
    let metrics = runtime.metrics();
    assert_eq!((metrics.limits.waiting, metrics.limits.waits["rate"]), (2, 2));
    runtime.advance(seconds(30));
    let metrics = runtime.metrics();
    assert_eq!((metrics.limits.waiting, metrics.limits.waits["rate"]), (0, 2));
    let latency = &queue(&metrics, "default").start_latency;
    assert_eq!(
        (latency.count, latency.sum),
        (3, seconds(15)),
        "the second waited for 5 seconds, the third for 10"
    );
}

#[tokio::test]
async fn what_a_store_takes_is_counted_and_so_is_what_is_taken_over() {
    let folder = folder::Folder::new("metrics");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.expect("the file can be used");
    assert_eq!(runtime.run(quick::with(7)).await.expect("it runs"), 7);
    let later = runtime.submit(quick::with(8)).delay("1h").await.expect("it is taken");
    let metrics = runtime.metrics();
    let store = metrics.store.as_ref().expect("there is a store");
    assert!(store.commits >= 2 && store.entries >= store.commits && store.errors == 0, "{store:?}");
    assert_eq!(store.commit.count, store.commits);
    assert_eq!((metrics.lease.begun, metrics.lease.lost), (1, 0));
    let health = runtime.health();
    assert!(!health.shutting_down && health.store.is_some_and(|store| store.is_reachable()));
    runtime.recovered().await;
    assert!(runtime.health().is_ready());
    drop(later);
    runtime.shutdown(seconds(1)).await;
    assert!(!runtime.health().is_ready(), "it takes nothing more");

    let again = Runtime::open(&file).await.expect("the file can be used");
    again.recovered().await;
    let lease = again.metrics().lease;
    assert_eq!((lease.takeovers, lease.jobs_waiting, lease.jobs_begun), (1, 1, 0));
    again.shutdown(seconds(1)).await;
}

/// A sample: its name, its labels as they are written, and its value.
type Sample = (String, String, f64);

/// Reads Prometheus' text: the kind of each name, and the samples.
fn read(text: &str) -> (BTreeMap<String, String>, Vec<Sample>) {
    let (mut kinds, mut helped, mut samples) = (BTreeMap::new(), BTreeSet::new(), Vec::new());
    assert!(text.ends_with('\n'), "the last line has an end, too");
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            let name = help.split(' ').next().expect("a name");
            assert!(helped.insert(name.to_owned()), "{name} is described twice");
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').expect("a name and a kind");
            assert!(helped.contains(name), "{name} is described before");
            assert!(kinds.insert(name.to_owned(), kind.to_owned()).is_none(), "{name} is there twice");
            continue;
        }
        let (what, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("{line:?} is a sample"));
        let value: f64 = value.parse().unwrap_or_else(|_| panic!("{line:?} has a value"));
        let (name, labels) = what.split_once('{').map_or((what, ""), |(name, labels)| {
            (name, labels.strip_suffix('}').unwrap_or_else(|| panic!("{line:?} has no end of labels")))
        });
        let family = ["_bucket", "_sum", "_count"].into_iter().find_map(|end| {
            let family = name.strip_suffix(end)?;
            (kinds.get(family).map(String::as_str) == Some("histogram")).then_some(family)
        });
        let family = family.unwrap_or(name);
        assert!(kinds.contains_key(family), "{name} is of no family");
        samples.push((name.to_owned(), labels.to_owned(), value));
    }
    (kinds, samples)
}

async fn busy() -> String {
    let runtime = narrow();
    runtime.submit(Both { time: 2 }).queue(NARROW).await.expect("it is taken");
    runtime.submit(work::with(13)).queue(NARROW).await.expect("it is taken");
    runtime.advance(seconds(100));
    runtime.metrics().to_prometheus()
}

#[tokio::test]
async fn the_text_is_what_prometheus_reads() {
    let (kinds, samples) = read(&busy().await);
    let escaped = r#"queue="narrow \"1\"\n\\""#;
    let of = |name: &str, labels: &str| {
        let found = samples.iter().find(|(known, with, _)| known == name && with == labels);
        found.unwrap_or_else(|| panic!("{name}{{{labels}}} is in {samples:?}")).2
    };
    assert_eq!(of("workflow_queue_started_total", escaped), 4.0);
    assert_eq!(of("workflow_attempts_total", r#"agent="work",outcome="failed""#), 1.0);
    assert_eq!(of("workflow_attempt_duration_seconds_sum", r#"agent="work""#), 13.0);
    assert_eq!(of("workflow_attempt_duration_seconds_bucket", r#"agent="work",le="10.0""#), 0.0);
    assert_eq!(of("workflow_attempt_duration_seconds_bucket", r#"agent="work",le="30.0""#), 1.0);

    for (name, _) in kinds.iter().filter(|(_, kind)| *kind == "histogram") {
        let mut series: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
        for (known, labels, value) in &samples {
            if *known == format!("{name}_bucket") {
                let (rest, le) = labels.rsplit_once("le=\"").expect("a bucket has a bound");
                let le =
                    le.trim_end_matches('"').replace("+Inf", "inf").parse().expect("a bound is a number");
                series.entry(rest.trim_end_matches(',').to_owned()).or_default().push((le, *value));
            }
        }
        for (labels, buckets) in series {
            assert!(buckets.is_sorted(), "{name}{{{labels}}} rises: {buckets:?}");
            assert_eq!(buckets.last().expect("there is one").0, f64::INFINITY);
            assert_eq!(of(&format!("{name}_count"), &labels), buckets.last().expect("there is one").1);
            assert!(of(&format!("{name}_sum"), &labels) >= 0.0);
        }
    }
    for (name, kind) in &kinds {
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name} is a {kind}");
    }
}

fn in_crate(path: &str) -> String {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../workflow-runtime");
    std::fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The names in a text that look like those of metrics.
fn names_in(text: &str) -> BTreeSet<String> {
    let is_part = |letter: char| letter.is_ascii_lowercase() || letter == '_' || letter.is_ascii_digit();
    let words = text.split(|letter: char| !is_part(letter));
    words
        .filter(|word| word.starts_with("workflow_") && *word != "workflow_runtime")
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn each_metric_is_in_the_page_and_on_the_dashboard_and_no_other() {
    let (kinds, _) = read(&busy().await);
    let all: BTreeSet<String> = kinds.keys().cloned().collect();
    assert_eq!(names_in(&in_crate("doc/telemetry.md")), all, "doc/telemetry.md lists what there is");

    let dashboard: Json = serde_json::from_str(&in_crate("doc/grafana.json")).expect("it is JSON");
    let mut shown = BTreeSet::new();
    let panels = dashboard["panels"].as_array().expect("a dashboard has panels");
    let mut ids = BTreeSet::new();
    for panel in panels {
        assert!(
            ids.insert(panel["id"].as_u64().expect("a panel has an id")),
            "{panel} has the id of another"
        );
        let place = &panel["gridPos"];
        let end = place["x"].as_u64().expect("a place") + place["w"].as_u64().expect("a width");
        assert!(end <= 24, "{panel} is on the page");
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().expect("a panel shows something");
        assert!(!targets.is_empty() && panel["datasource"]["type"] == "prometheus", "{panel}");
        for target in targets {
            let query = target["expr"].as_str().expect("it asks something");
            let (open, close) =
                (query.matches(['(', '{', '[']).count(), query.matches([')', '}', ']']).count());
            assert_eq!(open, close, "{query}");
            for name in names_in(query) {
                let histogram = name
                    .strip_suffix("_bucket")
                    .filter(|family| kinds.get(*family).is_some_and(|kind| kind == "histogram"));
                shown.insert(histogram.unwrap_or(&name).to_owned());
            }
        }
    }
    assert_eq!(shown, all, "each metric is on the dashboard");
    for field in ["title", "uid", "schemaVersion", "templating", "time"] {
        assert!(!dashboard[field].is_null(), "a dashboard has {field}");
    }
}

#[tokio::test]
async fn reading_a_queue_of_many_holds_nobody_up_for_long() {
    let runtime = TestRuntime::of(Runtime::builder().queue(Queue::new("full").concurrency(1)));
    runtime.pause_queue("full").await.expect("it is in memory");
    for number in 0..20_000 {
        runtime.submit(quick::with(number)).queue("full").await.expect("there is room");
    }
    let before = std::time::Instant::now();
    let metrics = runtime.metrics();
    assert_eq!(queue(&metrics, "full").waiting, 20_000);
    assert!(before.elapsed() < Duration::from_secs(1), "{:?}", before.elapsed());
}
