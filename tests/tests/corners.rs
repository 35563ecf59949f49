//! Corners of the engine where something went wrong once: limits, pauses, restarts, shutdowns, subtasks.

use workflow_tests::trace;

use std::time::Duration;

use serde_json::json;
use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{AgentLimits, Breaker, Dag, JobHandle, JobState, Queue, SubmitError, TaskState};

/// Works for so many seconds, and fails for good if its name begins with `bad`.
#[task_agent]
async fn work(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{name}"));
    ctx.sleep(seconds(time)).await;
    if name.starts_with("bad") {
        return Err(AgentError::permanent(format!("{name} cannot be done")));
    }
    trace.note(ctx, format!("-{name}"));
    Ok(name)
}

/// The same, one at a time.
#[task_agent(concurrency = 1)]
async fn scarce(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> String {
    trace.note(ctx, format!("+{name}"));
    ctx.sleep(seconds(time)).await;
    name
}

/// A runtime in whose queue `narrow` one attempt runs at once.
fn narrow() -> (TestRuntime, Trace) {
    traced_of(Runtime::builder().queue(Queue::new("narrow").concurrency(1).capacity(1)))
}

async fn submit(runtime: &TestRuntime, name: &str, time: u64) -> JobHandle<String> {
    runtime.submit(work::with(name.to_owned(), time)).queue("narrow").await.expect("there is room")
}

/// Who began, in order.
fn begun(trace: &Trace) -> Vec<String> {
    trace.lines().iter().filter_map(|line| Some(line.split_once(" +")?.1.to_owned())).collect()
}

mod places {
    use super::*;

    #[tokio::test]
    async fn who_has_a_place_takes_no_room() {
        let queue = Queue::new("wide").concurrency(5).capacity(1);
        let (runtime, _) = traced_of(Runtime::builder().queue(queue));
        for n in 0..5 {
            let job = runtime.submit(work::with(n.to_string(), 1)).queue("wide").or_refuse().await;
            assert!(job.is_ok(), "{n}: five may run at once, and yet {job:?}");
        }
    }
}

mod gates {
    use super::*;

    /// Takes some seconds, and breaks, or not.
    #[task_agent]
    async fn fragile(
        name: String,
        time: u64,
        breaks: bool,
        ctx: &TaskContext,
        trace: State<Trace>,
    ) -> Result<String, AgentError> {
        trace.note(ctx, format!("+{name}"));
        ctx.sleep(seconds(time)).await;
        if breaks { Err(AgentError::permanent("it breaks")) } else { Ok(name) }
    }

    #[tokio::test]
    async fn who_started_long_before_does_not_speak_for_the_one_that_tries() {
        let breaker = Breaker { failures: 2, cooldown: seconds(10) };
        let (runtime, trace) =
            traced_of(Runtime::builder().limits("fragile", AgentLimits::new().breaker(breaker)));
        let call = |name: &str, time, breaks| runtime.submit(fragile::with(name.to_owned(), time, breaks));
        for (name, time) in [("a", 1), ("b", 2), ("long", 13)] {
            call(name, time, true).await.unwrap();
        }
        runtime.advance(seconds(3));
        // It is open from 2 to 12; then one tries, for 5 seconds, and succeeds.
        call("tries", 5, false).await.unwrap();
        call("waits", 1, false).await.unwrap();
        runtime.advance(seconds(100));
        assert_eq!(trace.lines()[3..], ["12 +tries", "17 +waits"]);
    }

    #[tokio::test]
    async fn who_waits_at_two_gates_holds_nobody_up_at_the_first() {
        let queue = Queue::new("keyed").per_key(1);
        let (runtime, trace) = traced_of(Runtime::builder().queue(queue));
        let other = runtime.submit(work::with("other".to_owned(), 100)).queue("keyed").key("one");
        other.await.unwrap();
        for (name, key) in [("first", "zero"), ("second", "one"), ("third", "two")] {
            let job = runtime.submit(scarce::with(name.to_owned(), 10)).queue("keyed").key(key);
            job.await.unwrap();
            runtime.run_until_idle();
        }
        runtime.advance(seconds(1000));
        // The agent is free at 10, and only the second one's key is not.
        let starts: Vec<String> = trace.lines().into_iter().filter(|line| line.contains('+')).collect();
        assert_eq!(starts, ["0 +other", "0 +first", "10 +third", "100 +second"]);
    }

    #[data]
    struct Short {
        #[schemars(length(max = 3))]
        text: String,
    }

    #[task_agent]
    async fn picky(short: Short) -> String {
        short.text
    }

    #[tokio::test]
    async fn inputs_that_are_not_right_are_not_the_agents_failures() {
        let breaker = Breaker { failures: 2, cooldown: seconds(60) };
        let (runtime, _) = traced_of(Runtime::builder().limits("picky", AgentLimits::new().breaker(breaker)));
        for _ in 0..5 {
            runtime.submit(picky::with(Short { text: "too long".to_owned() })).await.unwrap();
        }
        runtime.advance(seconds(1));
        assert_eq!(runtime.run(picky::with(Short { text: "ok".to_owned() })).await.unwrap(), "ok");
        assert_eq!(runtime.elapsed(), seconds(1), "nobody is left alone for what it never saw");
    }
}

mod workflows {
    use super::*;

    workflow! {
        #[concurrency(1)] #[tags("billing")]
        pub workflow OneByOne(name: String) -> String {
            phase only { done = work(name, 10); }
            done
        }
    }

    workflow! {
        pub workflow Pauses(name: String) -> String {
            phase only { done = Stages(name); }
            done
        }
    }

    workflow! {
        pub workflow Stages(name: String) -> String {
            phase one { a = work(name, 10); }
            phase two { b = work(a, 10); }
            b
        }
    }

    #[tokio::test]
    async fn a_job_that_is_paused_at_its_workflows_gate_does_not_shut_it() {
        let (runtime, trace) = traced();
        let submit = |name: &str| runtime.submit(OneByOne { name: name.to_owned() });
        submit("a").await.unwrap();
        let second = submit("b").await.unwrap();
        submit("c").await.unwrap();
        runtime.run_until_idle();
        second.pause().await;
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), ["a", "c"]);
        second.resume().await;
        runtime.advance(seconds(100));
        assert_eq!((begun(&trace).len(), second.state()), (3, JobState::Succeeded));
    }

    #[tokio::test]
    async fn a_workflows_bound_holds_over_a_restart() {
        let (runtime, trace) = traced();
        for name in ["a", "b", "c"] {
            runtime.submit(OneByOne { name: name.to_owned() }).await.unwrap();
        }
        runtime.advance(seconds(5));
        let runtime = runtime.restart();
        runtime.advance(seconds(100));
        let expected = ["0 +a", "5 +a", "15 -a", "15 +b", "25 -b", "25 +c", "35 -c"];
        assert_eq!(trace.lines(), expected);
    }

    #[tokio::test]
    async fn of_a_queue_that_is_paused_no_job_goes_on() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Stages { name: "a".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        runtime.pause_queue("default").await.unwrap();
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +a", "10 -a"]);
        runtime.resume_queue("default").await.unwrap();
        assert_eq!(job.await.unwrap(), "a");
        assert_eq!(runtime.elapsed(), seconds(110));
    }

    #[tokio::test]
    async fn of_a_job_that_is_paused_no_child_starts_anything() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Pauses { name: "a".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        job.pause().await;
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +a", "10 -a"]);
        job.resume().await;
        assert_eq!(job.await.unwrap(), "a");
    }

    #[tokio::test]
    async fn a_queue_that_is_set_twice_is_one_queue() {
        let builder = Runtime::builder().queue(Queue::new("q").concurrency(1));
        let (runtime, _) = traced_of(builder.queue(Queue::new("q").concurrency(2)));
        let names: Vec<String> = runtime.queues().iter().map(|queue| queue.name.to_string()).collect();
        assert_eq!(names, ["default", "q"]);
    }
}

mod subtasks {
    use super::*;

    #[task_agent]
    async fn careless(wait: u64, ctx: &TaskContext) -> Result<String, AgentError> {
        ctx.spawn(work::with("bad".to_owned(), 5)).await?;
        ctx.sleep(seconds(wait)).await;
        Ok("fine".to_owned())
    }

    #[tokio::test]
    async fn the_failure_for_a_subtask_says_where_and_why() {
        let (runtime, _) = traced();
        let job = runtime.submit(careless::with(1)).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.job, failure.step.as_str(), failure.attempt), (Some(job.id()), "careless", 1));
        assert!(failure.to_string().contains("bad cannot be done"), "{failure}");
    }

    /// Says what its key is.
    #[task_agent]
    async fn key(ctx: &TaskContext) -> String {
        ctx.idempotency_key()
    }

    #[task_agent]
    async fn mirrors(depth: u64, ctx: &TaskContext) -> Result<Vec<String>, AgentError> {
        let mut keys = vec![ctx.idempotency_key()];
        if depth > 0 {
            keys.extend(ctx.spawn(mirrors::with(depth - 1)).of_job().await?.join().await?);
        }
        Ok(keys)
    }

    #[tokio::test]
    async fn what_an_agents_job_is_given_besides_has_a_key_of_its_own() {
        let (runtime, _) = traced();
        let keys = runtime.run(mirrors::with(1)).await.unwrap();
        assert_ne!(keys[0], keys[1]);
    }

    #[task_agent]
    async fn confuses(ctx: &TaskContext) -> Result<bool, AgentError> {
        let one = ctx.spawn(key::with()).key("same").await?;
        let other = ctx.spawn(careless::with(0)).key("same").await;
        one.join().await?;
        Ok(other.is_err())
    }

    #[tokio::test]
    async fn a_key_that_another_agents_subtask_has_is_refused() {
        let (runtime, _) = traced();
        assert!(runtime.run(confuses::with()).await.unwrap());
    }

    #[tokio::test]
    async fn a_job_that_succeeded_gives_what_it_should() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("nothing to give");
        let bad = dag.task::<work>(("bad".to_owned(), 1));
        dag.optional(bad);
        let job = runtime.submit(dag.giving(bad)).await.unwrap();
        let given = job.outcome().await;
        assert_eq!(job.state() == JobState::Succeeded, given.is_ok(), "{} {given:?}", job.state());
    }

    #[task_agent(heartbeat = "5s")]
    async fn awaits(ctx: &TaskContext) -> Result<String, AgentError> {
        ctx.spawn(work::with("long".to_owned(), 20)).await?.join().await
    }

    #[tokio::test]
    async fn who_waits_for_a_subtask_is_not_silent() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(awaits::with()).await.unwrap(), "long");
    }
}

mod watching {
    use super::*;

    workflow! {
        pub workflow Many(n: u64) -> usize {
            phase only {
                done = for name in (0..*n).map(|n| n.to_string()).collect::<Vec<_>>() { work(name, 0) };
            }
            done.len()
        }
    }

    #[tokio::test]
    async fn the_last_job_that_ended_is_remembered_however_large_it_is() {
        let (runtime, _) = traced();
        let job = runtime.submit(Many { n: 4000 }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 4000);
        assert!(runtime.job(job.id()).is_some(), "it has 8,000 records, and 100,000 are remembered");
        let small = TestRuntime::of(Runtime::builder().state(Trace::default()).keep(3));
        let job = small.submit(Many { n: 100 }).await.unwrap();
        job.outcome().await.unwrap();
        assert!(small.job(job.id()).is_some(), "it has 200 records, and 300 are remembered");
    }

    #[tokio::test]
    async fn to_drain_a_queue_takes_no_longer_than_its_jobs() {
        let (runtime, _) = narrow();
        submit(&runtime, "x", 10).await;
        runtime.submit(work::with("other".to_owned(), 10_000)).await.unwrap();
        assert_eq!(runtime.drain("narrow"), 1);
        assert_eq!(runtime.elapsed(), seconds(10));
    }
}

mod restarts {
    use super::*;

    workflow! {
        pub workflow Child(name: String) -> String {
            phase only { sleep("50m"); done = work(name, 1); }
            done
        }
    }

    #[tokio::test]
    async fn what_was_asked_of_a_job_is_written_down_when_the_call_returns() {
        let (runtime, trace) = traced();
        let cancelled = runtime.submit(work::with("cancelled".to_owned(), 10)).await.unwrap();
        let paused = runtime.submit(Child { name: "paused".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        assert!(cancelled.cancel("enough").await && paused.pause().await);
        let runtime = runtime.restart();
        runtime.advance(seconds(10_000));
        assert_eq!(runtime.job(cancelled.id()).unwrap().state(), JobState::Cancelled);
        assert_eq!(runtime.job(paused.id()).unwrap().state(), JobState::Paused);
        // Both had begun before; nothing begins again.
        assert_eq!(begun(&trace), ["cancelled", "paused"]);
    }

    #[tokio::test]
    async fn a_job_that_was_paused_before_its_time_waits_for_it_after_a_restart() {
        let (runtime, trace) = traced();
        let job = runtime.submit(work::with("late".to_owned(), 1)).delay("1h").await.unwrap();
        job.pause().await;
        runtime.run_until_idle();
        let runtime = runtime.restart();
        let job = runtime.job(job.id()).unwrap();
        job.resume().await;
        runtime.advance(seconds(10_000));
        assert_eq!((job.state(), trace.lines()[0].as_str()), (JobState::Succeeded, "3600 +late"));
    }

    workflow! {
        pub workflow Listens() -> i64 {
            phase only { said = signal::<i64>("say"); }
            *said
        }
    }

    /// In a thread of its own, for it may never come back.
    #[test]
    fn who_asks_a_crashed_runtime_is_told_so() {
        let (tell, told) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let tokio = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
            tokio.block_on(async {
                let (runtime, _) = traced();
                let job = runtime.submit(Listens {}).await.expect("it is taken in");
                runtime.run_until_idle();
                runtime.crash_after(0);
                let first = job.signal("say", 7).await.is_err();
                let _ = tell.send((first, job.signal("say", 7).await.is_err()));
            });
        });
        assert_eq!(told.recv_timeout(Duration::from_secs(3)), Ok((true, true)));
    }

    #[task_agent]
    async fn copes(ctx: &TaskContext) -> Result<bool, AgentError> {
        let bad = ctx.spawn(work::with("bad".to_owned(), 1)).await?;
        ctx.spawn(work::with("slow".to_owned(), 100)).await?;
        Ok(bad.join().await.is_err())
    }

    #[tokio::test]
    async fn what_a_parent_has_coped_with_does_not_fail_it_after_a_restart() {
        let (runtime, _) = traced();
        assert!(runtime.run(copes::with()).await.unwrap());
        let job = runtime.submit(copes::with()).await.unwrap();
        runtime.advance(seconds(50));
        assert_eq!(job.tasks()[0].state, TaskState::Waiting, "it has returned, and its subtask has not");
        let runtime = runtime.restart();
        assert_eq!(runtime.job(job.id()).unwrap().await.unwrap(), json!(true));
    }

    #[task_agent]
    async fn halves(n: f64) -> f64 {
        0.0 / n
    }

    workflow! {
        pub workflow Halves(n: f64) -> bool {
            phase one { half = halves(*n); }
            phase two { again = sleep("10m"); }
            phase three { #[after(again)] end = halves(1.0); }
            half.is_nan() || *end > 0.0
        }
    }

    #[tokio::test]
    async fn what_json_cannot_say_is_told_at_once_and_not_by_a_restart() {
        let (runtime, _) = traced();
        let job = runtime.submit(Halves { n: 0.0 }).await.unwrap();
        runtime.advance(seconds(10));
        if job.result().is_some_and(|result| result.is_err()) {
            return;
        }
        let runtime = runtime.restart();
        assert_eq!(runtime.job(job.id()).unwrap().await.unwrap(), json!(true));
    }
}

mod endings {
    use super::*;

    static STEPS: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    #[task_agent]
    async fn step(n: u64) -> u64 {
        STEPS.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        tokio::time::sleep(Duration::from_millis(20)).await;
        n + 1
    }

    workflow! {
        workflow Steps() -> u64 {
            phase only { done = repeat n = 0 while *n < 100 max 100 { step(*n) }; }
            *done
        }
    }

    #[tokio::test]
    async fn nothing_starts_once_a_shutdown_has_begun() {
        let runtime = Runtime::builder().state(Trace::default()).in_memory().await.unwrap();
        runtime.submit(Steps {}).await.unwrap();
        tokio::time::sleep(Duration::from_millis(50)).await;
        let before = STEPS.load(std::sync::atomic::Ordering::SeqCst);
        assert_eq!(runtime.shutdown(Duration::from_millis(500)).await, 1);
        let after = STEPS.load(std::sync::atomic::Ordering::SeqCst);
        assert!(after <= before + 1, "{} steps started", after - before);
    }

    #[tokio::test]
    async fn who_waits_for_room_hears_of_a_shutdown() {
        let queue = Queue::new("narrow").concurrency(1).capacity(1);
        let runtime = Runtime::builder().state(Trace::default()).queue(queue).in_memory().await.unwrap();
        runtime.pause_queue("narrow").await.unwrap();
        runtime.submit(brief::with()).queue("narrow").await.unwrap();
        let other = runtime.clone();
        let waits =
            tokio::spawn(
                async move { other.submit(brief::with()).queue("narrow").await.map(|job| job.id()) },
            );
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert!(!waits.is_finished());
        runtime.shutdown(Duration::from_millis(20)).await;
        let told = tokio::time::timeout(Duration::from_secs(2), waits).await.expect("it is told");
        assert_eq!(told.unwrap(), Err(SubmitError::ShuttingDown));
    }

    static RUNG: std::sync::atomic::AtomicU32 = std::sync::atomic::AtomicU32::new(0);

    #[task_agent]
    async fn rings() {
        RUNG.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
    }

    workflow! {
        workflow Rings() {
            phase one { sleep(Duration::from_millis(30)); }
            phase two { rings(); }
        }
    }

    #[tokio::test]
    async fn jobs_go_on_when_nobody_holds_the_runtime() {
        let runtime = Runtime::builder().state(Trace::default()).in_memory().await.unwrap();
        drop(runtime.submit(Rings {}).await.unwrap());
        drop(runtime.submit(rings::with()).delay("30ms").await.unwrap());
        drop(runtime);
        for _ in 0..100 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(RUNG.load(std::sync::atomic::Ordering::SeqCst), 2);
    }

    #[task_agent]
    async fn brief() -> u64 {
        tokio::time::sleep(Duration::from_millis(5)).await;
        1
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn a_shutdown_waits_until_what_ended_is_written_down() {
        for round in 0..200 {
            let runtime = Runtime::builder().state(Trace::default()).in_memory().await.unwrap();
            let job = runtime.submit(brief::with()).await.unwrap();
            tokio::time::sleep(Duration::from_millis(2)).await;
            let left = runtime.shutdown(Duration::from_secs(5)).await;
            assert_eq!((left, job.state()), (0, JobState::Succeeded), "in round {round}");
        }
    }
}
