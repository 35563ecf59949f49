//! Queues: who goes first, how many at once, how many in a time, and who has to wait outside.

use workflow_tests::trace;

use std::num::NonZeroU32;

use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    AgentLimits, Breaker, Conflict, FailureKind, JobHandle, JobState, Queue, Rate, SubmitError, TaskState,
};

/// Works for so many seconds.
#[task_agent]
async fn work(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> String {
    trace.note(ctx, format!("+{name}"));
    ctx.sleep(seconds(time)).await;
    trace.note(ctx, format!("-{name}"));
    name
}

/// A runtime in whose queue `narrow` so many attempts run at once.
fn narrow(places: u32) -> (TestRuntime, Trace) {
    traced_of(Runtime::builder().queue(Queue::new("narrow").concurrency(places)))
}

/// Who began, in order.
fn begun(trace: &Trace) -> Vec<String> {
    trace.lines().iter().filter_map(|line| Some(line.split_once(" +")?.1.to_owned())).collect()
}

/// When each began.
fn starts(trace: &Trace) -> Vec<String> {
    trace.lines().into_iter().filter(|line| line.contains('+')).collect()
}

/// How many were at work at once, at most, of those whose names begin so.
fn most(trace: &Trace, prefix: &str) -> i32 {
    let (mut now, mut most) = (0, 0);
    for line in trace.lines() {
        let (_, what) = line.split_once(' ').expect("a second and what happened");
        if what[1..].starts_with(prefix) {
            now += if what.starts_with('+') { 1 } else { -1 };
            most = most.max(now);
        }
    }
    most
}

async fn submit(runtime: &TestRuntime, name: &str, time: u64) -> JobHandle<String> {
    runtime.submit(work::with(name.to_owned(), time)).queue("narrow").await.expect("there is room")
}

fn finish(runtime: &TestRuntime) {
    runtime.advance(seconds(100_000));
    let open: Vec<_> =
        runtime.queues().into_iter().filter(|queue| queue.running + queue.waiting > 0).collect();
    assert!(open.is_empty(), "all is over, and yet {open:?}");
    runtime.check_journals().expect("the journals tell what is");
}

mod order {
    use super::*;

    #[tokio::test]
    async fn the_most_urgent_goes_first_and_those_alike_in_turn() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "first", 1).await;
        for (name, priority) in [
            ("low", Priority::Low),
            ("normal", Priority::Normal),
            ("high", Priority::High),
            ("critical", Priority::Critical),
            ("high too", Priority::High),
        ] {
            let job = runtime.submit(work::with(name.to_owned(), 1)).queue("narrow").priority(priority);
            job.await.unwrap();
        }
        submit(&runtime, "normal too", 1).await;
        finish(&runtime);
        let expected = ["first", "critical", "high", "high too", "normal", "normal too", "low"];
        assert_eq!(begun(&trace), expected);
    }

    #[tokio::test]
    async fn waiting_makes_urgent() {
        // A task of low priority can wait 10 minutes before it is as urgent as the most urgent, a normal one 1 minute.
        for (later, expected) in [(541, ["hold", "old", "new"]), (539, ["hold", "new", "old"])] {
            let (runtime, trace) = narrow(1);
            submit(&runtime, "hold", 550).await;
            let old = runtime.submit(work::with("old".to_owned(), 1)).queue("narrow").priority(Priority::Low);
            old.await.unwrap();
            runtime.advance(seconds(later));
            submit(&runtime, "new", 1).await;
            finish(&runtime);
            assert_eq!(begun(&trace), expected, "the new one comes at {later} s");
        }
    }

    #[tokio::test]
    async fn nobody_starves() {
        let (runtime, trace) = narrow(1);
        let old = runtime.submit(work::with("old".to_owned(), 1)).queue("narrow").priority(Priority::Low);
        submit(&runtime, "hold", 1).await;
        let old = old.await.unwrap();
        // Two normal ones come for each that can be done.
        for second in 0..1100 {
            submit(&runtime, &format!("{second} a"), 1).await;
            submit(&runtime, &format!("{second} b"), 1).await;
            runtime.advance(seconds(1));
        }
        assert_eq!(old.state(), JobState::Succeeded);
        // It went before all that came when it had waited for nine minutes.
        let place = begun(&trace).iter().position(|name| name == "old").unwrap();
        assert!((1080..=1083).contains(&place), "{place}");
    }

    #[tokio::test]
    async fn the_earliest_deadline_goes_first() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "hold", 1).await;
        for (name, deadline) in
            [("none", None), ("30", Some("30s")), ("10", Some("10s")), ("20", Some("20s"))]
        {
            let job = runtime.submit(work::with(name.to_owned(), 1)).queue("narrow");
            match deadline {
                Some(deadline) => job.deadline(deadline).await.unwrap(),
                None => job.await.unwrap(),
            };
        }
        finish(&runtime);
        assert_eq!(begun(&trace), ["hold", "10", "20", "30", "none"]);
    }

    workflow! {
        pub workflow Plain(name: String) -> String {
            phase only { #[queue("narrow")] done = work(name, 1); }
            done
        }
    }

    workflow! {
        pub workflow Pressing(name: String) -> String {
            phase only {
                #[queue("narrow")]
                before = work(name, 1);
                #[queue("narrow")] #[priority("critical")]
                after = work(format!("after {before}"), 1);
            }
            after
        }
    }

    #[tokio::test]
    async fn a_task_is_as_urgent_as_what_waits_for_it() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "hold", 1).await;
        for name in ["a", "b", "c"] {
            runtime.submit(Plain { name: name.to_owned() }).await.unwrap();
        }
        runtime.submit(Pressing { name: "pressing".to_owned() }).await.unwrap();
        finish(&runtime);
        // When `pressing` ends, its place is free before the next step is ready.
        assert_eq!(begun(&trace), ["hold", "pressing", "a", "after pressing", "b", "c"]);
    }

    workflow! {
        #[queue("narrow")] #[priority("high")]
        pub workflow Urgent(name: String) -> String {
            phase only { done = work(name, 1); }
            done
        }
    }

    #[tokio::test]
    async fn a_workflow_says_its_jobs_queue_and_priority() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "hold", 1).await;
        submit(&runtime, "normal", 1).await;
        runtime.submit(Urgent { name: "urgent".to_owned() }).await.unwrap();
        // What is submitted says more than the workflow.
        let low = runtime.submit(Urgent { name: "low".to_owned() }).priority(Priority::Low);
        low.await.unwrap();
        finish(&runtime);
        assert_eq!(begun(&trace), ["hold", "urgent", "normal", "low"]);
    }
}

mod pauses {
    use super::*;

    #[tokio::test]
    async fn of_a_queue_that_is_paused_nothing_starts_and_what_runs_goes_on() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "a", 2).await;
        submit(&runtime, "b", 2).await;
        runtime.run_until_idle();
        runtime.pause_queue("narrow").await.unwrap();
        runtime.advance(seconds(10));
        submit(&runtime, "c", 2).await;
        let other = runtime.run(work::with("elsewhere".to_owned(), 1)).await.unwrap();
        assert_eq!((other.as_str(), begun(&trace)), ("elsewhere", vec!["a".to_owned(), "elsewhere".into()]));
        let queues = runtime.queues();
        let narrow = queues.iter().find(|queue| &*queue.name == "narrow").unwrap();
        assert_eq!((narrow.running, narrow.waiting, narrow.paused), (0, 2, true));
        runtime.resume_queue("narrow").await.unwrap();
        finish(&runtime);
        assert_eq!(starts(&trace), ["0 +a", "10 +elsewhere", "11 +b", "13 +c"]);
        assert!(runtime.queues().iter().all(|queue| !queue.paused));
    }

    workflow! {
        pub workflow Two(name: String) -> String {
            phase one { a = work(name, 2); }
            phase two { sleep("3s"); }
            phase three { b = work(format!("{a}{a}"), 2); }
            b
        }
    }

    #[tokio::test]
    async fn of_a_job_that_is_paused_nothing_starts_and_what_runs_goes_on() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Two { name: "x".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        assert!(job.pause().await);
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +x", "2 -x"]);
        assert_eq!((job.state(), job.tasks()[1].state), (JobState::Paused, TaskState::Waiting));
        assert_eq!(runtime.run(work::with("other".to_owned(), 0)).await.unwrap(), "other");
        assert!(job.resume().await);
        assert_eq!(job.outcome().await.unwrap(), "xx");
        assert_eq!(trace.lines()[4..], ["103 +xx", "105 -xx"]);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_job_may_be_paused_before_it_begins_and_while_it_waits() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "hold", 5).await;
        let job = submit(&runtime, "paused", 1).await;
        submit(&runtime, "next", 1).await;
        runtime.run_until_idle();
        job.pause().await;
        runtime.advance(seconds(20));
        assert_eq!((job.state(), begun(&trace).len()), (JobState::Paused, 2));
        job.resume().await;
        assert_eq!(job.outcome().await.unwrap(), "paused");
        assert_eq!(starts(&trace), ["0 +hold", "5 +next", "20 +paused"]);
    }

    #[tokio::test]
    async fn a_job_that_is_paused_can_be_cancelled() {
        let (runtime, _) = traced();
        let job = runtime.submit(Two { name: "x".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        job.pause().await;
        runtime.advance(seconds(100));
        job.cancel("enough").await;
        assert!(job.outcome().await.unwrap_err().is_cancelled());
        assert_eq!(runtime.elapsed(), seconds(100));
        finish(&runtime);
    }
}

mod bounds {
    use super::*;

    #[tokio::test]
    async fn so_many_run_at_once_in_a_queue() {
        let (runtime, trace) = narrow(3);
        for n in 0..10 {
            submit(&runtime, &format!("n{n}"), 1 + n % 3).await;
            runtime.submit(work::with(format!("free{n}"), 5)).await.unwrap();
        }
        finish(&runtime);
        assert_eq!((most(&trace, "n"), most(&trace, "free")), (3, 10));
    }

    #[task_agent(concurrency = 2)]
    async fn scarce(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, format!("+{name}"));
        ctx.sleep(seconds(time)).await;
        trace.note(ctx, format!("-{name}"));
        name
    }

    workflow! {
        pub workflow Scarce(times: Vec<u64>) -> Vec<String> {
            phase only { done = for time in times { scarce(format!("n{time}"), *time) }; }
            done
        }
    }

    #[tokio::test]
    async fn so_many_of_an_agent_run_at_once() {
        let (runtime, trace) = traced();
        let one = runtime.submit(Scarce { times: vec![1, 2, 3] }).await.unwrap();
        let other = runtime.submit(Scarce { times: vec![4, 5, 6] }).await.unwrap();
        assert_eq!(one.outcome().await.unwrap(), ["n1", "n2", "n3"]);
        assert_eq!(other.outcome().await.unwrap(), ["n4", "n5", "n6"]);
        assert_eq!((most(&trace, "n"), runtime.elapsed()), (2, seconds(12)));
        finish(&runtime);
    }

    #[tokio::test]
    async fn an_operator_may_set_another_bound() {
        let limits = AgentLimits::new().concurrency(1);
        let (runtime, trace) = traced_of(Runtime::builder().limits("scarce", limits));
        runtime.run(Scarce { times: vec![1, 2, 3] }).await.unwrap();
        assert_eq!((most(&trace, "n"), runtime.elapsed()), (1, seconds(6)));
        let error = Runtime::builder()
            .state(Trace::default())
            .limits("scrace", limits)
            .in_memory()
            .await
            .unwrap_err();
        let expected = "limits were set for `scrace`, but there is no such agent; did you mean `scarce`?";
        assert_eq!(error.to_string(), expected);
    }

    #[tokio::test]
    async fn so_many_of_one_key_run_at_once() {
        let queue = Queue::new("narrow").concurrency(5).per_key(2);
        let (runtime, trace) = traced_of(Runtime::builder().queue(queue));
        for n in 0..12 {
            let key = ["acme", "brown", "cole"][n % 3];
            let call = work::with(format!("{key}{n}"), 1 + (n as u64) % 4);
            runtime.submit(call).queue("narrow").key(key).await.unwrap();
        }
        finish(&runtime);
        for key in ["acme", "brown", "cole"] {
            assert_eq!(most(&trace, key), 2, "{key}");
        }
        assert_eq!(most(&trace, ""), 5);
        assert_eq!(begun(&trace).len(), 12);
    }

    #[tokio::test]
    async fn one_key_does_not_hold_another_up() {
        let queue = Queue::new("narrow").concurrency(2).per_key(1);
        let (runtime, trace) = traced_of(Runtime::builder().queue(queue));
        for (name, key) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b")] {
            runtime.submit(work::with(name.to_owned(), 10)).queue("narrow").key(key).await.unwrap();
        }
        finish(&runtime);
        assert_eq!(starts(&trace), ["0 +a1", "0 +b1", "10 +a2", "20 +a3"]);
    }

    #[task_agent(queue = "narrow")]
    async fn gather(depth: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<u64, AgentError> {
        trace.note(ctx, format!("+{depth}"));
        if depth == 0 {
            return Ok(0);
        }
        let below = ctx.spawn(gather::with(depth - 1)).await?;
        Ok(below.join().await? + 1)
    }

    #[tokio::test]
    async fn who_waits_for_a_subtask_leaves_its_place_to_it() {
        let limits = AgentLimits::new().concurrency(1);
        let builder = Runtime::builder().queue(Queue::new("narrow").concurrency(1)).limits("gather", limits);
        let (runtime, trace) = traced_of(builder);
        assert_eq!(runtime.run(gather::with(5)).await.unwrap(), 5);
        assert_eq!(begun(&trace), ["5", "4", "3", "2", "1", "0"]);
        finish(&runtime);
    }
}

mod rates {
    use super::*;

    #[task_agent(rate = "2/10s")]
    async fn rationed(n: u64, ctx: &TaskContext, trace: State<Trace>) -> u64 {
        trace.note(ctx, format!("+{n}"));
        n
    }

    #[tokio::test]
    async fn so_many_of_an_agent_start_in_a_time() {
        let (runtime, trace) = traced();
        for n in 0..6 {
            runtime.submit(rationed::with(n)).await.unwrap();
        }
        runtime.advance(seconds(60));
        // Two at once, and then one for each half of the time.
        assert_eq!(seconds_of(&trace.lines()), [0, 0, 10, 10, 20, 20]);
        // After a rest, two at once again.
        for n in 6..9 {
            runtime.submit(rationed::with(n)).await.unwrap();
        }
        finish(&runtime);
        assert_eq!(seconds_of(&trace.lines())[6..], [60, 60, 70]);
    }

    fn seconds_of(lines: &[String]) -> Vec<u64> {
        lines.iter().filter_map(|line| line.split_once(' ')?.0.parse().ok()).collect()
    }

    fn rate(count: u32, per: u64) -> Rate {
        Rate { count: NonZeroU32::new(count).expect("not zero"), per: seconds(per) }
    }

    #[tokio::test]
    async fn an_operator_may_set_another_rate() {
        let limits = AgentLimits::new().rate(rate(1, 30));
        let (runtime, trace) = traced_of(Runtime::builder().limits("rationed", limits));
        for n in 0..3 {
            runtime.submit(rationed::with(n)).await.unwrap();
        }
        finish(&runtime);
        assert_eq!(trace.lines(), ["0 +0", "30 +1", "60 +2"]);
    }

    #[tokio::test]
    async fn so_many_start_in_a_queue_in_a_time_the_most_urgent_first() {
        let queue = Queue::new("narrow").rate(rate(1, 7));
        let (runtime, trace) = traced_of(Runtime::builder().queue(queue));
        for (name, priority) in [("a", Priority::Normal), ("low", Priority::Low), ("high", Priority::High)] {
            let job = runtime.submit(work::with(name.to_owned(), 1)).queue("narrow").priority(priority);
            job.await.unwrap();
            runtime.run_until_idle();
        }
        finish(&runtime);
        assert_eq!(starts(&trace), ["0 +a", "7 +high", "14 +low"]);
    }

    #[tokio::test]
    async fn retries_count_for_the_rate() {
        let (runtime, trace) = traced();
        runtime.fail_attempt("rationed", 1, AgentError::retry("not yet"));
        let mut dag = workflow_runtime::Dag::new("retried");
        for n in 1..3 {
            let task = dag.task::<rationed>(n);
            let retry = workflow_runtime::Retry::new(1).first(seconds(1));
            dag.options(task, workflow_runtime::Options::new().retry(retry));
        }
        runtime.run(dag).await.unwrap();
        assert_eq!(trace.lines(), ["10 +1", "10 +2"]);
    }
}

mod breakers {
    use super::*;

    /// Fails until some second.
    #[task_agent]
    async fn fragile(
        name: String,
        until: u64,
        ctx: &TaskContext,
        trace: State<Trace>,
    ) -> Result<String, AgentError> {
        trace.note(ctx, format!("+{name}"));
        ctx.sleep(seconds(1)).await;
        if ctx.now() < trace::START + seconds(until) {
            Err(AgentError::permanent("it breaks"))
        } else {
            Ok(name)
        }
    }

    fn guarded() -> (TestRuntime, Trace) {
        let breaker = Breaker { failures: 2, cooldown: seconds(60) };
        traced_of(Runtime::builder().limits("fragile", AgentLimits::new().breaker(breaker)))
    }

    async fn call(runtime: &TestRuntime, name: &str, until: u64) -> JobHandle<String> {
        runtime.submit(fragile::with(name.to_owned(), until)).await.expect("it is taken in")
    }

    #[tokio::test]
    async fn an_agent_that_keeps_failing_is_left_alone_then_tried_then_trusted() {
        let (runtime, trace) = guarded();
        // 1 and 2 fail: it opens at second 2.
        for name in ["1", "2"] {
            call(&runtime, name, 70).await.outcome().await.unwrap_err();
        }
        let waiting = [call(&runtime, "3", 70).await, call(&runtime, "4", 70).await];
        runtime.advance(seconds(59));
        assert_eq!(begun(&trace), ["1", "2"]);
        assert!(waiting.iter().all(|job| job.state() == JobState::Running));
        // At 62 one tries, and fails at 63: it is left alone until 123. Then one tries, and succeeds: all go.
        runtime.advance(seconds(200));
        assert_eq!(starts(&trace), ["0 +1", "1 +2", "62 +3", "123 +4"]);
        assert_eq!(waiting.map(|job| job.state()), [JobState::Failed, JobState::Succeeded]);
        finish(&runtime);
    }

    #[tokio::test]
    async fn only_failures_in_a_row_count() {
        let (runtime, trace) = guarded();
        for (name, until) in [("1", 100), ("2", 0), ("3", 100), ("4", 0), ("5", 100), ("6", 100), ("7", 0)] {
            let _ = call(&runtime, name, until).await.outcome().await;
        }
        assert_eq!(starts(&trace)[5..], ["5 +6", "66 +7"]);
    }

    #[tokio::test]
    async fn others_are_not_held_up() {
        let (runtime, _) = guarded();
        for name in ["1", "2", "3"] {
            call(&runtime, name, 70).await;
        }
        runtime.advance(seconds(10));
        assert_eq!(runtime.run(work::with("other".to_owned(), 1)).await.unwrap(), "other");
        assert_eq!(runtime.elapsed(), seconds(11));
        finish(&runtime);
    }
}

mod room {
    use super::*;

    fn small() -> (TestRuntime, Trace) {
        traced_of(Runtime::builder().queue(Queue::new("narrow").concurrency(1).capacity(2)))
    }

    #[tokio::test]
    async fn a_full_queue_refuses_who_does_not_want_to_wait() {
        let (runtime, trace) = small();
        for name in ["a", "b", "c"] {
            submit(&runtime, name, 10).await;
            runtime.run_until_idle();
        }
        let refused = runtime.submit(work::with("d".to_owned(), 1)).queue("narrow").or_refuse().await;
        let expected = SubmitError::Full { queue: "narrow".to_owned() };
        assert_eq!(refused.unwrap_err(), expected);
        let said = "the queue `narrow` is full; try later, or leave `or_refuse` out to wait";
        assert_eq!(expected.to_string(), said);
        runtime.submit(work::with("elsewhere".to_owned(), 1)).or_refuse().await.unwrap();
        runtime.advance(seconds(10));
        runtime.submit(work::with("e".to_owned(), 1)).queue("narrow").or_refuse().await.unwrap();
        finish(&runtime);
        assert_eq!(starts(&trace), ["0 +a", "0 +elsewhere", "10 +b", "20 +c", "30 +e"]);
    }

    #[tokio::test]
    async fn a_full_queue_lets_the_others_wait() {
        let (runtime, trace) = small();
        for name in ["a", "b", "c", "d", "e"] {
            submit(&runtime, name, 10).await;
            runtime.run_until_idle();
        }
        // `d` could come in when `b` began, and `e` when `c` did.
        assert_eq!(runtime.elapsed(), seconds(20));
        finish(&runtime);
        assert_eq!(begun(&trace), ["a", "b", "c", "d", "e"]);
    }

    #[tokio::test]
    async fn many_at_once_wait_for_room_too() {
        let (runtime, trace) =
            traced_of(Runtime::builder().queue(Queue::new("default").concurrency(1).capacity(1)));
        let calls = (0..4).map(|n| work::with(format!("n{n}"), 10));
        let jobs = runtime.submit_all(calls).await.unwrap();
        assert_eq!(jobs.len(), 4);
        for job in jobs {
            job.await.unwrap();
        }
        assert_eq!(begun(&trace), ["n0", "n1", "n2", "n3"]);
    }
}

mod unique {
    use super::*;

    async fn unique(
        runtime: &TestRuntime,
        name: &str,
        conflict: Conflict,
    ) -> Result<JobHandle<String>, SubmitError> {
        let call = work::with(name.to_owned(), 10);
        runtime.submit(call).unique("key").on_conflict(conflict).await
    }

    #[tokio::test]
    async fn another_of_the_same_key_is_refused() {
        let (runtime, trace) = traced();
        let first = unique(&runtime, "first", Conflict::Reject).await.unwrap();
        let error = runtime.submit(work::with("x".to_owned(), 1)).unique("key").await.unwrap_err();
        let expected =
            SubmitError::Duplicate { name: "work".to_owned(), key: "key".to_owned(), job: first.id() };
        assert_eq!(error, expected);
        assert_eq!(error.to_string(), format!("job {} of `work` has the key `key` already", first.id()));
        // Another key, and another name, are something else.
        runtime.submit(work::with("other key".to_owned(), 1)).unique("key 2").await.unwrap();
        runtime.submit(other::with()).unique("key").await.unwrap();
        first.await.unwrap();
        unique(&runtime, "again", Conflict::Reject).await.unwrap();
        finish(&runtime);
        assert_eq!(begun(&trace), ["first", "other key", "again"]);
        assert_eq!(runtime.jobs(&workflow_runtime::JobFilter::new()).len(), 4, "who was refused is gone");
    }

    #[task_agent]
    async fn other() {}

    #[tokio::test]
    async fn another_of_the_same_key_may_take_its_place() {
        let (runtime, trace) = traced();
        let first = unique(&runtime, "first", Conflict::Replace).await.unwrap();
        runtime.advance(seconds(3));
        let second = unique(&runtime, "second", Conflict::Replace).await.unwrap();
        let failure = first.outcome().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
        assert_eq!(failure.message, "another of the same key takes its place");
        // The key is the second's, though the first has ended since.
        let error = unique(&runtime, "third", Conflict::Reject).await.unwrap_err();
        assert!(matches!(error, SubmitError::Duplicate { job, .. } if job == second.id()), "{error}");
        assert_eq!(second.await.unwrap(), "second");
        assert_eq!(begun(&trace), ["first", "second"]);
    }

    #[tokio::test]
    async fn another_of_the_same_key_may_be_the_first() {
        let (runtime, trace) = traced();
        let first = unique(&runtime, "first", Conflict::UseExisting).await.unwrap();
        let second = unique(&runtime, "second", Conflict::UseExisting).await.unwrap();
        assert_eq!(first.id(), second.id());
        assert_eq!(second.await.unwrap(), "first");
        assert_eq!(unique(&runtime, "third", Conflict::UseExisting).await.unwrap().await.unwrap(), "third");
        assert_eq!(begun(&trace), ["first", "third"]);
    }
}

mod delays {
    use super::*;

    #[tokio::test]
    async fn a_job_may_begin_later() {
        let (runtime, trace) = traced();
        let late = runtime.submit(work::with("late".to_owned(), 1)).delay("1h").await.unwrap();
        let soon = runtime.submit(work::with("soon".to_owned(), 1)).delay(seconds(5)).await.unwrap();
        assert_eq!((late.state(), soon.state()), (JobState::Scheduled, JobState::Scheduled));
        runtime.advance(seconds(4));
        assert_eq!((soon.state(), trace.lines().len()), (JobState::Scheduled, 0));
        late.await.unwrap();
        assert_eq!(starts(&trace), ["5 +soon", "3600 +late"]);
        let error = runtime.submit(work::with("x".to_owned(), 1)).delay("soon").await.unwrap_err();
        assert!(matches!(&error, SubmitError::BadDuration(_)), "{error}");
    }

    #[tokio::test]
    async fn a_job_whose_time_has_come_waits_its_turn() {
        let (runtime, trace) = narrow(1);
        submit(&runtime, "hold", 10).await;
        let late =
            runtime.submit(work::with("late".to_owned(), 1)).queue("narrow").delay("5s").await.unwrap();
        runtime.advance(seconds(6));
        assert_eq!(late.state(), JobState::Pending);
        finish(&runtime);
        assert_eq!(starts(&trace), ["0 +hold", "10 +late"]);
    }

    #[tokio::test]
    async fn a_job_that_goes_on_before_its_time_waits_for_it() {
        let (runtime, trace) = traced();
        let job = runtime.submit(work::with("late".to_owned(), 1)).delay("10s").await.unwrap();
        job.pause().await;
        runtime.advance(seconds(5));
        job.resume().await;
        runtime.advance(seconds(20));
        assert_eq!((job.state(), trace.lines()[0].as_str()), (JobState::Succeeded, "10 +late"));
    }

    #[tokio::test]
    async fn a_job_that_is_cancelled_before_it_begins_never_does() {
        let (runtime, trace) = traced();
        let late = runtime.submit(work::with("late".to_owned(), 1)).delay("1h").await.unwrap();
        assert!(runtime.cancel(late.id(), "not needed").await);
        assert!(late.outcome().await.unwrap_err().is_cancelled());
        runtime.advance(seconds(7200));
        assert_eq!(trace.lines(), [""; 0]);
    }
}
