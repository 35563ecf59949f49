//! What one holds of a runtime and of a job: submissions, results, streams, lists; and what a running agent may ask for.

use workflow_tests::trace;

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    Dag, Event, Fact, FailureKind, JobFilter, JobHandle, JobState, Options, Registry, Retry, SubmitError,
    TaskState, What,
};

/// Works for so many seconds, and fails for good if its name begins with `bad`.
#[task_agent]
async fn work(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{name}"));
    ctx.sleep(seconds(time)).await;
    if name.starts_with("bad") {
        return Err(AgentError::permanent(format!("{name} cannot be done")));
    }
    Ok(name)
}

#[task_agent]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

workflow! {
    /// Adds up.
    pub workflow Sum(a: i64, b: i64) -> i64 {
        phase one { c = add(a, b); }
        phase two { d = add(c, c); }
        *d
    }
}

workflow! {
    /// Calls another.
    pub workflow Outer(name: String) -> String {
        phase only { done = Inner(name); }
        done
    }
}

workflow! {
    /// Is called.
    pub workflow Inner(name: String) -> String {
        phase only { done = work(name, 5); }
        done
    }
}

fn text(text: &str) -> String {
    text.to_owned()
}

/// What happens, in short: the fact's name, and the step.
fn short(event: &Event) -> String {
    let what = match &event.what {
        What::Fact(fact) => {
            let json = serde_json::to_value(fact).expect("facts are JSON");
            text(json["fact"].as_str().expect("facts have a name"))
        }
        What::Progress(progress) => format!("progress {}", progress.fraction),
        What::Missed(count) => format!("missed {count}"),
        other => format!("{other:?}"),
    };
    match &event.step {
        Some(step) => format!("{} {what} {step}", event.name),
        None => format!("{} {what}", event.name),
    }
}

mod submissions {
    use super::*;

    #[tokio::test]
    async fn typed_in_typed_out() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Sum { a: 1, b: 2 }).await.unwrap(), 6);
        assert_eq!(runtime.run(add::with(1, 2)).await.unwrap(), 3);
        let job = runtime.submit(Sum { a: 2, b: 2 }).await.unwrap();
        assert_eq!(job.result().map(Result::unwrap), None);
        assert_eq!(job.clone().await.unwrap(), 8, "a handle is a future");
        assert_eq!((job.result().unwrap().unwrap(), job.state()), (8, JobState::Succeeded));
        assert_eq!(job.outcome().await.unwrap(), 8);
    }

    #[tokio::test]
    async fn by_name_with_json() {
        let (runtime, _) = traced();
        let job = runtime.submit_json("Sum", json!({"a": 1, "b": 2})).await.unwrap();
        assert_eq!(job.await.unwrap(), json!(6));
        let job = runtime.submit_json("add", json!({"a": 1, "b": 2})).tag("t").await.unwrap();
        assert_eq!((job.status().tags.len(), job.await.unwrap()), (1, json!(3)));
    }

    #[tokio::test]
    async fn bad_json_is_refused_before_anything_runs() {
        let (runtime, _) = traced();
        for (name, input, said) in [
            ("Sum", json!({"a": 1}), "b"),
            ("Sum", json!({"a": 1, "b": "two"}), "/b"),
            ("add", json!({"a": 1.5, "b": 2}), "/a"),
            ("add", json!([1, 2]), "object"),
        ] {
            let error = runtime.submit_json(name, input.clone()).await.unwrap_err();
            let SubmitError::BadInput { name: named, problem } = &error else { panic!("{error}") };
            assert_eq!(named, name);
            assert!(problem.contains(said), "{input}: {problem}");
            assert!(
                error.to_string().starts_with(&format!("the input of `{name}` is not right: ")),
                "{error}"
            );
            assert_eq!(error.to_string().matches("is not right").count(), 1, "{error}");
        }
        assert_eq!(runtime.jobs(&JobFilter::new()).len(), 0);
    }

    #[tokio::test]
    async fn what_there_is_not_is_refused_and_the_nearest_told() {
        let (runtime, _) = traced();
        let error = runtime.submit_json("sum", json!({})).await.unwrap_err();
        assert_eq!(error, SubmitError::Unknown { name: text("sum"), nearest: Some(text("Sum")) });
        assert_eq!(error.to_string(), "there is no agent or workflow `sum`; did you mean `Sum`?");
        let error = runtime.submit_json("completely different", json!({})).await.unwrap_err();
        assert!(error.to_string().contains("a crate that nothing names is not linked"), "{error}");
        // A registry by hand lacks what the program has.
        let registry = Registry::builder().agent::<add>().build().unwrap();
        let small = TestRuntime::of(Runtime::builder().registry(registry));
        assert_eq!(small.run(add::with(1, 1)).await.unwrap(), 2);
        let error = small.submit(Sum { a: 1, b: 1 }).await.unwrap_err();
        assert!(matches!(&error, SubmitError::Unknown { name, .. } if name == "Sum"), "{error}");
        let mut dag = Dag::new("mixed");
        dag.task::<add>((1, 1));
        dag.task::<work>((text("x"), 1));
        let error = small.submit(dag).await.unwrap_err();
        assert!(matches!(&error, SubmitError::Unknown { name, .. } if name == "work"), "{error}");
        assert_eq!(small.jobs(&JobFilter::new()).len(), 1);
    }

    #[tokio::test]
    async fn many_at_once_all_or_none() {
        let (runtime, _) = traced();
        let jobs = runtime.submit_all((0..100).map(|n| Sum { a: n, b: 1 })).await.unwrap();
        let ids: HashSet<_> = jobs.iter().map(JobHandle::id).collect();
        assert_eq!(ids.len(), 100);
        for (n, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), 2 * (n + 1));
        }
        let registry = Registry::builder().agent::<add>().build().unwrap();
        let small = TestRuntime::of(Runtime::builder().registry(registry));
        let dag = |name: &str| {
            let mut dag = Dag::new("one");
            dag.json(name, json!({"a": 1, "b": 2}));
            dag
        };
        let error = small.submit_all([dag("add"), dag("work")]).await.unwrap_err();
        assert!(matches!(error, SubmitError::Unknown { .. }), "{error}");
        assert_eq!(small.jobs(&JobFilter::new()).len(), 0);
    }

    #[tokio::test]
    async fn callbacks_hear_of_the_end_once() {
        let (runtime, _) = traced();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hear = |what: &'static str| {
            let heard = Arc::clone(&heard);
            move |result: &Result<workflow_runtime::Value, Arc<workflow_runtime::Failure>>| {
                let said = match result {
                    Ok(value) => value.json().map_or_else(|error| error.to_string(), |json| json.to_string()),
                    Err(failure) => failure.message.clone(),
                };
                heard.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{what} {said}"));
            }
        };
        let job = runtime.submit(work::with(text("x"), 5)).await.unwrap();
        job.on_complete(|_| panic!("a callback that panics changes nothing"));
        job.on_complete(hear("before"));
        assert_eq!(*heard.lock().unwrap(), [""; 0]);
        job.outcome().await.unwrap();
        runtime.run_until_idle();
        job.on_complete(hear("after"));
        let bad = runtime.submit(work::with(text("bad"), 5)).await.unwrap();
        bad.on_complete(hear("bad"));
        bad.outcome().await.unwrap_err();
        runtime.run_until_idle();
        assert_eq!(*heard.lock().unwrap(), ["before \"x\"", "after \"x\"", "bad bad cannot be done"]);
    }

    #[tokio::test]
    async fn a_job_is_found_again_by_its_id() {
        let (runtime, _) = traced();
        let id = runtime.submit(Sum { a: 1, b: 2 }).await.unwrap().id();
        assert_eq!(runtime.job(id).unwrap().await.unwrap(), json!(6));
        assert!(runtime.job(workflow_runtime::JobId::from_u128(7)).is_none());
        assert!(!runtime.cancel(workflow_runtime::JobId::from_u128(7), "none").await);
        assert_eq!(id.to_string().parse(), Ok(id));
    }

    #[tokio::test]
    async fn so_many_jobs_are_remembered() {
        let (runtime, _) = traced_of(Runtime::builder().keep(32));
        let waits = runtime.submit(work::with(text("x"), 100)).await.unwrap();
        let mut ids = vec![waits.id()];
        for n in 0..100 {
            let job = runtime.submit(add::with(n, 0)).await.unwrap();
            job.outcome().await.unwrap();
            ids.push(job.id());
        }
        let kept: Vec<_> = runtime.jobs(&JobFilter::new()).iter().map(|job| job.id).collect();
        // One that is not over is not counted.
        assert_eq!((kept.len(), kept[0]), (33, waits.id()));
        assert_eq!(kept[1..], ids[69..]);
    }
}

mod streams {
    use super::*;

    #[task_agent(retry(max = 1, first = "1s"))]
    async fn tells(ctx: &TaskContext) -> Result<u32, AgentError> {
        ctx.progress(0.25, "begun");
        ctx.log(format!("attempt {}", ctx.attempt()));
        ctx.sleep(seconds(1)).await;
        ctx.progress(7.0, "too much");
        if ctx.attempt() == 1 { Err("again".into()) } else { Ok(ctx.attempt()) }
    }

    workflow! {
        pub workflow Told() -> u32 {
            phase only { said = tells(); }
            *said
        }
    }

    #[tokio::test]
    async fn the_events_of_a_job_are_its_records_in_order() {
        let (runtime, _) = traced();
        let job = runtime.submit(Told {}).await.unwrap();
        let mut early = job.events();
        let mut seen = Vec::new();
        while let Some(event) = early.next().await {
            assert_eq!((event.job, &*event.name), (job.id(), "Told"));
            seen.push(short(&event));
        }
        let expected = [
            "Told submitted",
            "Told begun",
            "Told started said",
            "Told logged said",
            "Told retrying said",
            "Told started said",
            "Told logged said",
            "Told succeeded said",
            "Told job_succeeded",
        ];
        assert_eq!(seen, expected);
        let mut late = job.events();
        let mut again = Vec::new();
        while let Some(event) = late.next().await {
            again.push(event);
        }
        let facts: Vec<Fact> = job.journal().into_iter().map(|record| record.fact).collect();
        let told: Vec<Fact> = again
            .iter()
            .map(|event| match &event.what {
                What::Fact(fact) => fact.clone(),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(told, facts);
        let times: Vec<u64> = again.iter().map(|event| event.at.since(trace::START).as_secs()).collect();
        assert_eq!(times, [0, 0, 0, 0, 1, 2, 2, 3, 3]);
    }

    #[tokio::test]
    async fn progress_is_the_last_word() {
        let (runtime, _) = traced();
        let job = runtime.submit(Told {}).await.unwrap();
        assert_eq!(job.last_progress(), None);
        let mut progress = job.progress();
        let mut seen = Vec::new();
        while let Some(word) = progress.next().await {
            seen.push(format!("{} {} {}", word.step, word.fraction, word.message));
        }
        // What is out of range is cut.
        let expected = ["said 0.25 begun", "said 1 too much", "said 0.25 begun", "said 1 too much"];
        assert_eq!(seen, expected);
        assert_eq!(job.last_progress().unwrap().fraction, 1.0);
        assert!(progress.next().await.is_none());
    }

    #[tokio::test]
    async fn the_events_of_all_jobs_tell_of_progress_and_logs_too() {
        let (runtime, _) = traced();
        runtime.run(add::with(1, 1)).await.unwrap();
        let mut events = runtime.events();
        runtime.run(Told {}).await.unwrap();
        runtime.run_until_idle();
        runtime.run(add::with(1, 1)).await.unwrap();
        runtime.run_until_idle();
        let mut seen = Vec::new();
        while seen.last().is_none_or(|last| last != "add job_succeeded") {
            seen.push(short(&events.next().await.unwrap()));
        }
        let expected = [
            "Told submitted",
            "Told begun",
            "Told started said",
            "Told progress 0.25 said",
            "Told logged said",
            "Told progress 1 said",
            "Told retrying said",
            "Told started said",
            "Told progress 0.25 said",
            "Told logged said",
            "Told progress 1 said",
            "Told succeeded said",
            "Told job_succeeded",
            "add submitted",
            "add begun",
            "add started add",
            "add succeeded add",
            "add job_succeeded",
        ];
        assert_eq!(seen, expected);
    }

    #[tokio::test]
    async fn who_reads_too_slowly_is_told_what_is_missed() {
        let (runtime, _) = traced();
        let mut events = runtime.events();
        for n in 0..2000 {
            runtime.run(add::with(n, 1)).await.unwrap();
        }
        let first = events.next().await.unwrap();
        let What::Missed(missed) = first.what else { panic!("{first:?}") };
        // Five records each, and room for 4,096.
        assert_eq!(missed, 10_000 - 4096);
        assert!(matches!(events.next().await.unwrap().what, What::Fact(_)));
    }

    #[tokio::test]
    async fn observers_see_every_outcome_of_every_kind() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sees = Arc::clone(&seen);
        let observer = move |event: &Event| {
            if let What::Fact(Fact::JobSucceeded { .. } | Fact::JobFailed { .. }) = event.what {
                sees.lock().unwrap_or_else(PoisonError::into_inner).push(short(event));
            }
            assert_ne!(&*event.name, "add", "an observer that panics changes nothing");
        };
        let (runtime, _) = traced_of(Runtime::builder().observer(observer));
        runtime.run(add::with(1, 1)).await.unwrap();
        runtime.run(work::with(text("bad"), 1)).await.unwrap_err();
        runtime.run(Outer { name: text("x") }).await.unwrap();
        runtime.run(Outer { name: text("bad") }).await.unwrap_err();
        let cancelled = runtime.submit(Sum { a: 1, b: 1 }).delay("1h").await.unwrap();
        cancelled.cancel("enough").await;
        runtime.submit(work::with(text("x"), 100)).deadline("10s").await.unwrap().await.unwrap_err();
        let mut dag = Dag::new("by hand");
        dag.call(add::with(1, 1));
        runtime.run(dag).await.unwrap();
        runtime.advance(seconds(10));
        let expected = [
            "add job_succeeded",
            "work job_failed",
            "Inner job_succeeded",
            "Outer job_succeeded",
            "Inner job_failed",
            "Outer job_failed",
            "Sum job_failed",
            "work job_failed",
            "by hand job_succeeded",
        ];
        assert_eq!(*seen.lock().unwrap(), expected);
    }
}

mod lists {
    use super::*;

    #[tokio::test]
    async fn filters_let_through_what_they_name() {
        let (runtime, _) = traced();
        let good = runtime.submit(work::with(text("x"), 1)).tag("a").tag("b").await.unwrap();
        let bad = runtime.submit(work::with(text("bad"), 1)).tag("b").queue("slow").await.unwrap();
        let outer = runtime.submit(Outer { name: text("x") }).priority(Priority::High).await.unwrap();
        let later = runtime.submit(Sum { a: 1, b: 1 }).delay("1h").await.unwrap();
        runtime.advance(seconds(2));
        let list =
            |filter: JobFilter| -> Vec<_> { runtime.jobs(&filter).into_iter().map(|job| job.id).collect() };
        let inner = list(JobFilter::new().name("Inner"))[0];
        let all = [good.id(), bad.id(), outer.id(), later.id(), inner];
        assert_eq!(list(JobFilter::new()), all);
        assert_eq!(list(JobFilter::new().name("work")), all[..2]);
        assert_eq!(list(JobFilter::new().tag("b")), all[..2]);
        assert_eq!(list(JobFilter::new().tag("a")), all[..1]);
        assert_eq!(list(JobFilter::new().queue("slow")), all[1..2]);
        assert_eq!(list(JobFilter::new().state(JobState::Failed)), all[1..2]);
        assert_eq!(list(JobFilter::new().state(JobState::Failed).state(JobState::Succeeded)), all[..2]);
        assert_eq!(list(JobFilter::new().state(JobState::Scheduled)), all[3..4]);
        assert_eq!(list(JobFilter::new().parent(outer.id())), all[4..]);
        assert_eq!(list(JobFilter::new().limit(2)), all[..2]);
        assert_eq!(list(JobFilter::new().after(bad.id()).limit(2)), all[2..4]);
        assert_eq!(list(JobFilter::new().tag("a").name("Sum")), []);
        assert_eq!(runtime.count(JobState::Running), 2);
        let status = outer.status();
        assert_eq!((status.priority, status.phase.as_deref()), (Some(Priority::High), Some("only")));
        assert_eq!(status.tasks.into_iter().collect::<Vec<_>>(), [(TaskState::Running, 1)]);
        assert_eq!(status.submitted, trace::START);
        assert_eq!(bad.status().failure.unwrap().message, "bad cannot be done");
        assert_eq!(&*bad.status().queue, "slow");
    }

    #[tokio::test]
    async fn jobs_are_cancelled_by_id_and_by_tag() {
        let (runtime, _) = traced();
        let tagged = |name: &str, tag: &'static str| runtime.submit(work::with(text(name), 100)).tag(tag);
        let one = tagged("one", "acme").await.unwrap();
        let two = tagged("two", "acme").delay("1h").await.unwrap();
        let other = tagged("other", "brown").await.unwrap();
        let over = tagged("bad over", "acme").await.unwrap();
        over.cancel("before").await;
        runtime.advance(seconds(10));
        assert_eq!(runtime.cancel_tagged("acme", "they left").await, 2);
        assert_eq!(runtime.cancel_tagged("nobody", "x").await, 0);
        runtime.advance(seconds(10));
        for job in [&one, &two] {
            assert_eq!(job.result().unwrap().unwrap_err().message, "they left");
        }
        assert_eq!(other.state(), JobState::Running);
        assert!(runtime.cancel(other.id(), "enough").await);
        runtime.advance(seconds(10));
        assert_eq!(other.state(), JobState::Cancelled);
        assert!(!runtime.cancel(other.id(), "again").await);
    }
}

mod figures {
    use super::*;

    #[task_agent(retry(max = 1, first = "1ms"))]
    async fn timed(n: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
        tokio::time::sleep(Duration::from_millis(if n == 0 { 200 } else { 20 })).await;
        if n == 1 && ctx.attempt() == 1 { Err("again".into()) } else { Ok(n) }
    }

    #[task_agent]
    async fn choose(ctx: &TaskContext) -> Option<f64> {
        assert!(ctx.stats("no such agent").is_none());
        ctx.stats("timed").map(|stats| stats.success_rate())
    }

    #[tokio::test]
    async fn agents_are_counted_and_timed() {
        let runtime = Runtime::builder().state(Trace::default()).in_memory().await.unwrap();
        let none = runtime.stats("timed").unwrap();
        assert_eq!((none.count, none.success_rate(), none.p99), (0, 1.0, Duration::ZERO));
        let jobs = runtime.submit_all((0..20).map(timed::with)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(100)).await;
        assert_eq!(runtime.stats("timed").unwrap().active, 1, "the slow one");
        for job in jobs {
            job.await.unwrap();
        }
        let stats = runtime.stats("timed").unwrap();
        assert_eq!((stats.count, stats.succeeded, stats.retries, stats.active), (21, 20, 1, 0));
        let millis = |low: u64, high: u64| Duration::from_millis(low)..Duration::from_millis(high);
        assert!(millis(20, 100).contains(&stats.p50), "{stats:?}");
        assert!(millis(20, 190).contains(&stats.p95), "{stats:?}");
        assert!(millis(200, 400).contains(&stats.p99), "{stats:?}");
        assert_eq!(runtime.run(choose::with()).await.unwrap(), Some(20.0 / 21.0));
        assert!(runtime.stats("no such agent").is_none());
    }
}

mod endings {
    use super::*;

    static ENDED: AtomicUsize = AtomicUsize::new(0);

    /// Listens, and is done a little later than it is told.
    #[task_agent]
    async fn polite(millis: u64, ctx: &TaskContext) -> bool {
        let told = tokio::time::timeout(Duration::from_millis(millis), ctx.cancelled()).await.is_ok();
        ENDED.fetch_add(1, Ordering::SeqCst);
        told
    }

    async fn real() -> Runtime {
        let builder = Runtime::builder().state(Trace::default()).grace(Duration::from_millis(500));
        builder
            .queue(workflow_runtime::Queue::new("one").concurrency(1))
            .in_memory()
            .await
            .expect("it starts")
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_shutdown_lets_what_runs_end_and_starts_nothing() {
        let runtime = real().await;
        let soon = runtime.submit(polite::with(100)).queue("one").await.unwrap();
        let waits = runtime.submit(polite::with(1)).queue("one").await.unwrap();
        let slow = runtime.submit(polite::with(60_000)).await.unwrap();
        tokio::time::sleep(Duration::from_millis(30)).await;
        let began = std::time::Instant::now();
        let left = runtime.shutdown(Duration::from_millis(300)).await;
        assert!(left >= 1, "one never began");
        assert!(began.elapsed() < Duration::from_secs(5));
        // One ended by itself; one was told to, and what it gave counts; one never began.
        assert_eq!(ENDED.load(Ordering::SeqCst), 2);
        assert_eq!((soon.await.unwrap(), slow.await.unwrap()), (false, true));
        assert_eq!(waits.state(), JobState::Pending);
        assert_eq!(runtime.submit(polite::with(1)).await.unwrap_err(), SubmitError::ShuttingDown);
        assert!(runtime.run(polite::with(1)).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn real_threads_do_the_same() {
        let runtime = real().await;
        let jobs = runtime.submit_all((0..500).map(|n| Sum { a: n, b: 1 })).await.unwrap();
        let other = tokio::spawn({
            let runtime = runtime.clone();
            async move {
                let mut sum = 0;
                for n in 0..500 {
                    sum += runtime.run(add::with(n, 1)).await.expect("it adds");
                }
                sum
            }
        });
        for (n, job) in (0..).zip(jobs) {
            assert_eq!(job.await.unwrap(), 2 * (n + 1));
        }
        assert_eq!(other.await.unwrap(), 500 * 499 / 2 + 500);
        assert_eq!(runtime.shutdown(Duration::from_secs(1)).await, 0);
        assert!(runtime.queues().iter().all(|queue| (queue.running, queue.waiting) == (0, 0)));
    }
}

mod starting {
    use super::*;
    use std::future::Future as _;
    use workflow_runtime::StartError;

    #[test]
    fn without_tokio_there_is_no_runtime() {
        let starts = Runtime::builder().state(Trace::default()).in_memory();
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let std::task::Poll::Ready(started) = std::pin::pin!(starts).poll(&mut context) else {
            panic!("it waits")
        };
        assert!(matches!(started, Err(StartError::NoTokio)), "{started:?}");
    }

    #[tokio::test]
    async fn what_agents_want_and_nobody_gave_is_told_at_the_start() {
        let error = Runtime::in_memory().await.unwrap_err();
        assert!(matches!(error, StartError::Problems(_)));
        assert!(error.to_string().contains("Trace"), "{error}");
    }

    #[tokio::test]
    async fn timers_ring_on_the_systems_clock_the_earliest_first() {
        let trace = Trace::default();
        let runtime = Runtime::builder().state(trace.clone()).in_memory().await.unwrap();
        let began = std::time::Instant::now();
        let mut jobs = Vec::new();
        for (name, millis) in [("late", 90), ("soon", 30), ("middle", 60)] {
            let call = work::with(text(name), 0);
            jobs.push(runtime.submit(call).delay(Duration::from_millis(millis)).await.unwrap());
        }
        for job in jobs {
            job.await.unwrap();
        }
        assert!(began.elapsed() >= Duration::from_millis(90) && began.elapsed() < Duration::from_secs(5));
        let order: Vec<String> =
            trace.lines().iter().filter_map(|line| Some(line.split_once('+')?.1.to_owned())).collect();
        assert_eq!(order, ["soon", "middle", "late"]);
    }
}

mod contexts {
    use super::*;

    #[task_agent(retry(max = 3, first = "1s"))]
    async fn resumes(ctx: &TaskContext, trace: State<Trace>) -> Result<Vec<u32>, AgentError> {
        let mut done: Vec<u32> = ctx.restored()?.unwrap_or_default();
        trace.note(ctx, format!("{} {done:?}", ctx.idempotency_key()));
        done.push(ctx.attempt());
        ctx.checkpoint(&done).await?;
        if ctx.attempt() < 3 { Err("again".into()) } else { Ok(done) }
    }

    workflow! {
        pub workflow Resumes() -> Vec<u32> {
            phase only { a = resumes(); b = resumes(); }
            a.iter().chain(b).copied().collect::<Vec<_>>()
        }
    }

    #[tokio::test]
    async fn what_an_attempt_saves_the_next_finds_and_the_key_stays() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Resumes {}).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), [1, 2, 3, 1, 2, 3]);
        let id = job.id();
        let lines: HashSet<String> = trace.lines().into_iter().collect();
        let mut expected = HashSet::new();
        for (second, done) in [(0, "[]"), (1, "[1]"), (3, "[1, 2]")] {
            expected.insert(format!("{second} {id}/a {done}"));
            expected.insert(format!("{second} {id}/b {done}"));
        }
        assert_eq!(lines, expected);
        runtime.check_journals().unwrap();
    }

    #[task_agent]
    async fn mistyped(ctx: &TaskContext) -> Result<bool, AgentError> {
        ctx.checkpoint(&"a text").await?;
        Ok(ctx.restored::<u32>().is_err() && ctx.restored::<String>()?.as_deref() == Some("a text"))
    }

    #[tokio::test]
    async fn what_was_saved_as_something_else_is_an_error() {
        let (runtime, _) = traced();
        assert!(runtime.run(mistyped::with()).await.unwrap());
    }

    #[task_agent]
    async fn caches(from: u32, to: u32, ctx: &TaskContext) -> Result<Vec<u32>, AgentError> {
        let known = (0..to).filter(|n| ctx.cached::<u32>(&n.to_string()) == Some(*n)).collect();
        for n in from..to {
            ctx.cache(&n.to_string(), &n)?;
        }
        Ok(known)
    }

    workflow! {
        pub workflow Caches() -> Vec<u32> {
            phase one { a = caches(0, 3); }
            phase two { #[after(a)] b = caches(3, 5); }
            phase three { #[after(b)] c = caches(5, 6); }
            c
        }
    }

    #[tokio::test]
    async fn tasks_of_a_job_share_a_cache_and_jobs_do_not() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Caches {}).await.unwrap(), [0, 1, 2, 3, 4]);
        assert_eq!(runtime.run(caches::with(0, 10)).await.unwrap(), [0; 0]);
    }

    #[task_agent]
    async fn fills(ctx: &TaskContext) -> Result<usize, AgentError> {
        for n in 0..5000_u32 {
            ctx.cache(&n.to_string(), &n)?;
        }
        Ok((0..5000_u32).filter(|n| ctx.cached::<u32>(&n.to_string()) == Some(*n)).count())
    }

    #[tokio::test]
    async fn a_cache_holds_so_much_and_no_more() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(fills::with()).await.unwrap(), 1000);
    }

    #[task_agent]
    async fn introduces(task_id: &str, ctx: &TaskContext, job_id: &str, task_manager: &TaskManager) -> Value {
        let known = task_manager.agents().iter().any(|agent| agent.name == "introduces");
        let same = ctx.task_id() == task_id && ctx.job_id() == job_id;
        json!({"task": task_id, "job": job_id, "same": same, "known": known, "deadline": ctx.deadline().is_some()})
    }

    workflow! {
        pub workflow Introduces() -> Vec<Value> {
            phase only { all = for n in vec![1, 2] { introduces_of(n) }; }
            all
        }
    }

    #[task_agent]
    async fn introduces_of(n: i32, ctx: &TaskContext) -> Value {
        json!(format!("{n} {}", ctx.task_id()))
    }

    #[tokio::test]
    async fn an_attempt_knows_who_it_is() {
        let (runtime, _) = traced();
        let job = runtime.submit(introduces::with()).deadline("1h").await.unwrap();
        let id = job.id().to_string();
        let expected =
            json!({"task": "introduces", "job": id, "same": true, "known": true, "deadline": true});
        assert_eq!(job.await.unwrap(), expected);
        let all = runtime.run(Introduces {}).await.unwrap();
        assert_eq!(all, [json!("1 all[0]/introduces_of"), json!("2 all[1]/introduces_of")]);
    }
}

mod subtasks {
    use super::*;

    #[task_agent(retry(max = 2, first = "1s"))]
    async fn gathers(names: Vec<String>, keyed: bool, ctx: &TaskContext) -> Result<Vec<String>, AgentError> {
        let mut subtasks = Vec::new();
        for name in names.iter().skip(if keyed { ctx.attempt() as usize - 1 } else { 0 }) {
            let subtask = ctx.spawn(work::with(name.clone(), 3));
            subtasks.push(if keyed { subtask.key(format!("get {name}")) } else { subtask }.await?);
        }
        if ctx.attempt() < 3 {
            return Err("gathered, and lost".into());
        }
        let mut given = Vec::new();
        for subtask in subtasks {
            given.push(subtask.join().await?);
        }
        Ok(given)
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| text(name)).collect()
    }

    #[tokio::test]
    async fn a_later_attempt_finds_the_subtasks_of_an_earlier_one() {
        let (runtime, trace) = traced();
        let job = runtime.submit(gathers::with(names(&["a", "b", "c"]), false)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), ["a", "b", "c"]);
        assert_eq!(trace.lines(), ["0 +a", "0 +b", "0 +c"]);
        let paths: Vec<String> = job.tasks().into_iter().map(|task| task.path).collect();
        assert_eq!(paths, ["gathers", "gathers/work-1", "gathers/work-2", "gathers/work-3"]);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn keys_find_them_whatever_the_order() {
        let (runtime, trace) = traced();
        let job = runtime.submit(gathers::with(names(&["a", "b", "c"]), true)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), ["c"]);
        assert_eq!(trace.lines(), ["0 +a", "0 +b", "0 +c"]);
        assert_eq!(job.tasks()[3].path, "gathers/get c");
    }

    #[task_agent]
    async fn leaves(name: String, optional: bool, ctx: &TaskContext) -> Result<String, AgentError> {
        let subtask = ctx.spawn(work::with(name, 5));
        if optional {
            subtask.optional().await?
        } else {
            subtask.await?
        };
        Ok(text("left"))
    }

    #[tokio::test]
    async fn a_task_is_over_when_its_subtasks_are() {
        let (runtime, _) = traced();
        let job = runtime.submit(leaves::with(text("slow"), false)).await.unwrap();
        runtime.advance(seconds(4));
        assert_eq!(job.tasks()[0].state, TaskState::Waiting);
        assert_eq!(job.outcome().await.unwrap(), "left");
        assert_eq!(runtime.elapsed(), seconds(5));
    }

    #[tokio::test]
    async fn a_subtask_that_fails_and_that_nobody_joins_fails_its_parent() {
        let (runtime, _) = traced();
        let failure = runtime.submit(leaves::with(text("bad"), false)).await.unwrap().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Error);
        assert_eq!(failure.message, "its subtask `leaves/work-1` failed, and it did not look");
        assert_eq!(runtime.run(leaves::with(text("bad"), true)).await.unwrap(), "left");
    }

    #[task_agent]
    async fn copes(ctx: &TaskContext) -> Result<String, AgentError> {
        let bad = ctx.spawn(work::with(text("bad"), 1)).await?;
        let after = ctx.spawn(work::with(text("after"), 1)).after(bad.task()).await?;
        let any = ctx.spawn(work::with(text("any"), 1)).after_any(bad.task()).await?;
        let json = ctx.spawn_json("add", json!({"a": 1, "b": 2})).await?;
        let none = ctx.spawn_json("nobody", json!({})).await.err().map(|error| error.to_string());
        let wrong = ctx.spawn_json("add", json!({"a": 1})).await?;
        let said = [bad.join().await, after.join().await, any.join().await];
        let said: Vec<String> =
            said.into_iter().map(|said| said.unwrap_or_else(|error| error.to_string())).collect();
        let wrong = wrong.join().await.map_err(|error| error.to_string());
        let tail = |text: &str| text.rsplit(": ").next().unwrap_or_default().to_owned();
        let said: Vec<String> = said.iter().map(|said| tail(said)).collect();
        Ok(format!("{said:?} {} {none:?} {}", json.join().await?, wrong.is_err()))
    }

    #[tokio::test]
    async fn who_joins_may_cope_with_what_failed() {
        let (runtime, trace) = traced();
        let expected = format!(
            "{:?} 3 Some(\"there is no `nobody` to call\") true",
            ["bad cannot be done", "it was skipped, for what it depends on did not succeed", "any"]
        );
        assert_eq!(runtime.run(copes::with()).await.unwrap(), expected);
        assert_eq!(trace.lines(), ["0 +bad", "1 +any"]);
        runtime.check_journals().unwrap();
    }

    #[task_agent]
    async fn calls(name: String, ctx: &TaskContext) -> Result<String, AgentError> {
        ctx.spawn(workflow_runtime::Call::<Inner>::new((Inner { name },))).await?.join().await
    }

    #[tokio::test]
    async fn a_subtask_may_be_a_child_job_and_is_cancelled_with_its_parent() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(calls::with(text("x"))).await.unwrap(), "x");
        let job = runtime.submit(calls::with(text("x"))).await.unwrap();
        runtime.advance(seconds(1));
        job.cancel("enough").await;
        runtime.advance(seconds(100));
        assert_eq!(job.state(), JobState::Cancelled);
        let child = &runtime.jobs(&JobFilter::new().parent(job.id()))[0];
        assert_eq!(child.state, JobState::Cancelled);
        runtime.check_journals().unwrap();
    }

    #[task_agent(timeout = "5s")]
    async fn hangs(ctx: &TaskContext) -> Result<(), AgentError> {
        ctx.spawn(work::with(text("long"), 100)).await?.join().await?;
        Ok(())
    }

    #[tokio::test]
    async fn when_a_task_fails_its_subtasks_are_stopped() {
        let (runtime, _) = traced();
        let job = runtime.submit(hangs::with()).await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().kind, FailureKind::TimedOut);
        // The timeout, the grace time of the task, and that of its subtask.
        assert_eq!(runtime.elapsed(), seconds(15));
        let states: Vec<TaskState> = job.tasks().iter().map(|task| task.state).collect();
        assert_eq!(states, [TaskState::Failed, TaskState::Cancelled]);
        assert!(runtime.queues().iter().all(|queue| (queue.running, queue.waiting) == (0, 0)));
        runtime.check_journals().unwrap();
    }
}

mod dags {
    use super::*;

    fn states<T>(job: &JobHandle<T>) -> Vec<String> {
        job.tasks().iter().map(|task| format!("{} {}", task.path, task.state)).collect()
    }

    #[tokio::test]
    async fn tasks_run_when_what_they_need_is_there() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("diamond");
        let top = dag.task::<add>((1, 2));
        let left = dag.task::<add>((top, 10));
        let right = dag.task::<add>((20, top));
        let bottom = dag.task::<add>((left, right));
        dag.name(bottom, "bottom");
        let job = runtime.submit(dag.giving(bottom)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 36);
        assert_eq!(
            states(&job),
            ["add-0 Succeeded", "add-1 Succeeded", "add-2 Succeeded", "bottom Succeeded"]
        );
        assert_eq!(&*job.status().name, "diamond");
        runtime.run(Dag::new("empty")).await.unwrap();
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn hard_and_soft_orders() {
        let (runtime, trace) = traced();
        let mut dag = Dag::new("orders");
        let bad = dag.task::<work>((text("bad"), 2));
        let good = dag.task::<work>((text("good"), 1));
        let hard = dag.task::<work>((text("hard"), 1));
        dag.after(hard, bad);
        let soft = dag.task::<work>((text("soft"), 1));
        dag.after_any(soft, bad);
        let both = dag.task::<work>((text("both"), 1));
        dag.after(both, good);
        dag.after_any(both, soft);
        let reads = dag.task::<work>((hard, 1));
        dag.after_any(reads, good);
        dag.optional(bad);
        let job = runtime.submit(dag.giving(both)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "both");
        assert_eq!(trace.lines(), ["0 +bad", "0 +good", "2 +soft", "3 +both"]);
        let expected = [
            "work-0 Failed",
            "work-1 Succeeded",
            "work-2 Skipped",
            "work-3 Succeeded",
            "work-4 Succeeded",
            "work-5 Skipped",
        ];
        assert_eq!(states(&job), expected);
        runtime.check_journals().unwrap();
    }

    fn of_three(keep_going: bool) -> Dag {
        let mut dag = Dag::new("three");
        dag.task::<work>((text("bad"), 1));
        let slow = dag.task::<work>((text("slow"), 10));
        dag.task::<work>((slow, 0));
        if keep_going {
            dag.keep_going();
        }
        dag
    }

    #[tokio::test]
    async fn one_that_fails_stops_the_others_or_lets_them_go_on() {
        let (runtime, trace) = traced();
        let job = runtime.submit(of_three(false)).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.step.as_str(), failure.message.as_str()), ("work-0", "bad cannot be done"));
        assert_eq!(states(&job), ["work-0 Failed", "work-1 Cancelled", "work-2 Skipped"]);
        assert_eq!((trace.lines().len(), runtime.elapsed()), (2, seconds(6)));
        let job = runtime.submit(of_three(true)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().step, "work-0");
        assert_eq!(states(&job), ["work-0 Failed", "work-1 Succeeded", "work-2 Succeeded"]);
        assert_eq!((trace.lines().len(), job.state()), (5, JobState::Failed));
        runtime.check_journals().unwrap();
    }

    #[task_agent]
    async fn plans(depth: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
        if depth > 0 {
            let next = ctx.spawn(plans::with(depth - 1)).key(format!("plan {depth}")).of_job().await?;
            ctx.spawn(work::with(format!("after {depth}"), 1)).after(next.task()).of_job().await?;
        }
        Ok(depth)
    }

    #[tokio::test]
    async fn running_tasks_add_others_to_the_job() {
        let (runtime, trace) = traced();
        let mut dag = Dag::new("plan");
        let first = dag.task::<plans>(2);
        let job = runtime.submit(dag.giving(first)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 2);
        assert_eq!(trace.lines().iter().collect::<HashSet<_>>().len(), 2);
        let states = states(&job);
        let expected = [
            "plans-0 Succeeded",
            "plan 2 Succeeded",
            "plan 1 Succeeded",
            "work-3 Succeeded",
            "work-4 Succeeded",
        ];
        assert_eq!(states, expected);
        assert_eq!(runtime.elapsed(), seconds(1));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn tasks_of_json_and_of_workflows() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("mixed");
        let json = dag.json("add", json!({"a": 1, "b": 2}));
        let sum = dag.call(workflow_runtime::Call::<Sum>::new((Sum { a: 3, b: 4 },)));
        dag.after(sum, json);
        let last = dag.task::<add>((sum, 1));
        let job = runtime.submit(dag.giving(last)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 15);
        assert_eq!(runtime.jobs(&JobFilter::new().parent(job.id())).len(), 1);
        let mut dag = Dag::new("wrong");
        let wrong = dag.json("add", json!({"a": 1}));
        let failure = runtime.submit(dag.giving(wrong)).await.unwrap().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadInput);
    }

    #[tokio::test]
    async fn a_task_has_options_of_its_own() {
        let (runtime, trace) = traced();
        runtime.fail_attempt("work", 1, AgentError::retry("not yet"));
        let mut dag = Dag::new("options");
        let task = dag.task::<work>((text("x"), 1));
        dag.options(task, Options::new().retry(Retry::new(1).first(seconds(30))).queue("elsewhere"));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "x");
        assert_eq!(trace.lines(), ["30 +x"]);
        assert!(runtime.queues().iter().any(|queue| &*queue.name == "elsewhere"));
    }

    #[tokio::test]
    async fn a_chain_of_many_ends() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("chain");
        let mut last = dag.task::<add>((0, 1));
        for _ in 0..20_000 {
            last = dag.task::<add>((last, 1));
        }
        assert_eq!(runtime.run(dag.giving(last)).await.unwrap(), 20_001);
    }
}

mod driven_by_streams {
    use workflow_runtime::testing::TestRuntime;
    use workflow_runtime::{Runtime, What};
    use workflow_tests::trace::Trace;

    use super::*;

    #[task_agent]
    async fn ticks(n: u64, ctx: &TaskContext) -> u64 {
        ctx.sleep(std::time::Duration::from_secs(n)).await;
        n
    }

    #[tokio::test]
    async fn whoever_reads_the_events_of_a_test_does_the_work() {
        let runtime = TestRuntime::of(Runtime::builder().state(Trace::default()));
        let mut events = runtime.events();
        let job = runtime.submit(ticks::with(5)).await.unwrap();
        let mut seen = Vec::new();
        while job.result().is_none() {
            seen.push(events.next().await.unwrap());
        }
        assert!(matches!(seen.first().map(|event| &event.what), Some(What::Fact(_))), "{seen:?}");
        assert_eq!(runtime.elapsed().as_secs(), 5);
    }
}
