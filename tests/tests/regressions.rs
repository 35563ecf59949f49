//! What once did not hold.

use workflow_tests::sweep;
use workflow_tests::trace;

use std::time::Duration;

use serde_json::json;
use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    AgentLimits, Breaker, Conflict, Dag, Fact, FailureKind, JobFilter, JobHandle, JobState, Options, Queue,
    Retry, SubmitError, TaskState, What,
};

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

/// The queues in which somebody has a place, or waits.
fn busy(runtime: &TestRuntime) -> Vec<String> {
    let busy = runtime.queues().into_iter().filter(|queue| (queue.running, queue.waiting) != (0, 0));
    busy.map(|queue| format!("{}: {} running, {} waiting", queue.name, queue.running, queue.waiting))
        .collect()
}

mod places {
    use super::*;

    #[tokio::test]
    async fn a_job_that_was_cancelled_before_its_time_takes_no_place() {
        let (runtime, _) = narrow();
        let late =
            runtime.submit(work::with("late".to_owned(), 1)).queue("narrow").delay("1h").await.unwrap();
        late.cancel("not needed").await;
        runtime.advance(seconds(7200));
        assert_eq!(busy(&runtime), [""; 0]);
        let next = submit(&runtime, "next", 1).await;
        runtime.advance(seconds(10));
        assert_eq!(next.state(), JobState::Succeeded);
    }

    #[tokio::test]
    async fn a_job_that_waited_and_was_cancelled_leaves_its_room() {
        let (runtime, _) = narrow();
        submit(&runtime, "first", 10).await;
        runtime.run_until_idle();
        let second = submit(&runtime, "second", 10).await;
        second.cancel("not needed").await;
        runtime.advance(seconds(20));
        let third = runtime.submit(work::with("third".to_owned(), 1)).queue("narrow").or_refuse().await;
        assert!(third.is_ok(), "nobody waits, and yet {third:?}");
    }

    #[tokio::test]
    async fn a_job_that_waited_and_expired_leaves_its_room() {
        let (runtime, _) = narrow();
        submit(&runtime, "first", 10).await;
        runtime.run_until_idle();
        let second = runtime.submit(work::with("second".to_owned(), 1)).queue("narrow").deadline("5s");
        second.await.unwrap();
        runtime.advance(seconds(20));
        let third = runtime.submit(work::with("third".to_owned(), 1)).queue("narrow").or_refuse().await;
        assert!(third.is_ok(), "nobody waits, and yet {third:?}");
    }

    #[tokio::test]
    async fn a_job_that_was_paused_before_it_began_takes_a_place_when_it_goes_on() {
        let (runtime, trace) = narrow();
        runtime.pause_queue("narrow").await.unwrap();
        let job = submit(&runtime, "paused", 10).await;
        runtime.run_until_idle();
        job.pause().await;
        runtime.resume_queue("narrow").await.unwrap();
        runtime.run_until_idle();
        let other = submit(&runtime, "other", 10).await;
        runtime.run_until_idle();
        job.resume().await;
        runtime.advance(seconds(5));
        assert_eq!(begun(&trace), ["other"], "there is one place, and it is taken");
        runtime.advance(seconds(100));
        assert_eq!([job.state(), other.state()], [JobState::Succeeded; 2]);
        assert_eq!(busy(&runtime), [""; 0]);
        let next = submit(&runtime, "next", 1).await;
        runtime.advance(seconds(10));
        assert_eq!(next.state(), JobState::Succeeded);
    }

    #[tokio::test]
    async fn a_job_that_was_paused_before_its_time_begins_when_it_goes_on() {
        let (runtime, trace) = traced();
        let job = runtime.submit(work::with("late".to_owned(), 1)).delay("10s").await.unwrap();
        job.pause().await;
        runtime.advance(seconds(20));
        job.resume().await;
        runtime.advance(seconds(20));
        assert_eq!((job.state(), begun(&trace)), (JobState::Succeeded, vec!["late".to_owned()]));
    }

    workflow! {
        pub workflow Later(name: String) -> String {
            phase one { sleep("10s"); }
            phase two { #[queue("narrow")] done = work(name, 10); }
            done
        }
    }

    /// Works until it is let go.
    #[task_agent(queue = "narrow")]
    async fn until_told() {
        LET_GO.notified().await;
    }

    static LET_GO: tokio::sync::Notify = tokio::sync::Notify::const_new();

    #[tokio::test]
    async fn a_task_that_is_cancelled_as_it_gets_its_place_gives_it_back() {
        let (runtime, _) = narrow();
        let later = runtime.submit(Later { name: "later".to_owned() }).await.unwrap();
        runtime.submit(until_told::with()).await.unwrap();
        runtime.advance(seconds(20));
        // First the one who has the place is woken, then the one who waits for it is cancelled.
        LET_GO.notify_one();
        later.cancel("not needed").await;
        runtime.advance(seconds(20));
        assert_eq!(later.state(), JobState::Cancelled);
        assert_eq!(busy(&runtime), [""; 0]);
    }
}

mod gates {
    use super::*;

    #[tokio::test]
    async fn a_job_that_is_cancelled_at_a_gate_does_not_shut_it() {
        let (runtime, trace) = traced();
        let call = |name: &str| runtime.submit(scarce::with(name.to_owned(), 10));
        call("first").await.unwrap();
        let second = call("second").await.unwrap();
        let third = call("third").await.unwrap();
        runtime.run_until_idle();
        second.cancel("not needed").await;
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), ["first", "third"]);
        assert_eq!(third.state(), JobState::Succeeded);
    }

    #[task_agent(rate = "1/10s")]
    async fn rationed(name: String, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, format!("+{name}"));
        name
    }

    #[tokio::test]
    async fn a_job_that_is_cancelled_at_a_rate_does_not_stop_it() {
        let (runtime, trace) = traced();
        let call = |name: &str| runtime.submit(rationed::with(name.to_owned()));
        call("first").await.unwrap();
        let second = call("second").await.unwrap();
        call("third").await.unwrap();
        runtime.run_until_idle();
        second.cancel("not needed").await;
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +first", "10 +third"]);
    }

    #[tokio::test]
    async fn who_waits_at_a_rate_keeps_its_turn() {
        let (runtime, trace) = traced();
        let names = ["a", "b", "c", "d", "e", "f"];
        for name in names {
            runtime.submit(rationed::with(name.to_owned())).await.unwrap();
        }
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), names);
    }

    #[tokio::test]
    async fn a_job_that_is_paused_at_a_gate_does_not_shut_it() {
        let (runtime, trace) = traced();
        let call = |name: &str| runtime.submit(scarce::with(name.to_owned(), 10));
        call("first").await.unwrap();
        let second = call("second").await.unwrap();
        let third = call("third").await.unwrap();
        runtime.run_until_idle();
        second.pause().await;
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), ["first", "third"]);
        second.resume().await;
        runtime.advance(seconds(100));
        assert_eq!([second.state(), third.state()], [JobState::Succeeded; 2]);
    }

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

    #[tokio::test]
    async fn who_waits_at_a_breaker_keeps_its_turn() {
        let breaker = Breaker { failures: 1, cooldown: seconds(60) };
        let (runtime, trace) =
            traced_of(Runtime::builder().limits("fragile", AgentLimits::new().breaker(breaker)));
        let names = ["a", "b", "c", "d"];
        for name in names {
            runtime.submit(fragile::with(name.to_owned(), 70)).await.unwrap();
            runtime.advance(seconds(1));
        }
        runtime.advance(seconds(1000));
        assert_eq!(begun(&trace), names);
    }

    #[tokio::test]
    async fn who_waited_in_a_queue_is_as_old_at_a_gate() {
        let (runtime, trace) = narrow();
        submit(&runtime, "hold", 590).await;
        runtime.run_until_idle();
        let old = runtime.submit(scarce::with("old".to_owned(), 1)).queue("narrow").priority(Priority::Low);
        old.await.unwrap();
        runtime.advance(seconds(580));
        runtime.submit(scarce::with("busy".to_owned(), 100)).await.unwrap();
        runtime.advance(seconds(30));
        runtime.submit(scarce::with("new".to_owned(), 1)).await.unwrap();
        runtime.advance(seconds(1000));
        // The old one was as urgent as can be since second 600, the new one would be at 670.
        assert_eq!(begun(&trace), ["hold", "busy", "old", "new"]);
    }
}

mod uniqueness {
    use super::*;

    #[tokio::test]
    async fn whether_a_key_is_taken_is_told_though_the_queue_is_full() {
        let (runtime, _) = narrow();
        submit(&runtime, "hold", 100).await;
        runtime.run_until_idle();
        let call = |name: &str| runtime.submit(work::with(name.to_owned(), 1)).queue("narrow").unique("key");
        let first = call("first").await.unwrap();
        let second = call("second").on_conflict(Conflict::UseExisting).or_refuse().await;
        assert_eq!(second.unwrap().id(), first.id());
        let third = call("third").or_refuse().await.unwrap_err();
        assert!(matches!(third, SubmitError::Duplicate { .. }), "{third}");
    }
}

mod limits_of_time {
    use super::*;

    workflow! {
        pub workflow Loops(n: u64) -> Option<Vec<String>> {
            phase only {
                #[timeout("10s")] #[optional]
                done = for name in (0..*n).map(|n| n.to_string()).collect::<Vec<_>>() { work(name, 100) };
            }
            done.clone()
        }
    }

    #[tokio::test]
    async fn a_loop_may_take_only_so_long() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Loops { n: 1 }).await.unwrap(), None);
        assert_eq!(runtime.elapsed(), seconds(15), "10 s, and the grace time");
    }

    #[task_agent]
    async fn more(n: u64, ctx: &TaskContext) -> u64 {
        ctx.sleep(seconds(4)).await;
        n + 1
    }

    workflow! {
        pub workflow Rounds(n: u64) -> u64 {
            phase only {
                #[timeout("10s")]
                done = repeat n while *n < 10 max 100 { more(n) };
            }
            *done
        }
    }

    #[tokio::test]
    async fn a_repeat_may_take_only_so_long() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Rounds { n: 8 }).await.unwrap(), 10);
        let job = runtime.submit(Rounds { n: 1 }).await.unwrap();
        runtime.advance(seconds(100));
        assert_eq!(job.state(), JobState::Failed);
    }

    workflow! {
        pub workflow Slow(name: String) -> String {
            phase only { done = work(name, 100); }
            done
        }
    }

    #[task_agent]
    async fn instead(slow: Slow, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, "instead");
        slow.name
    }

    workflow! {
        pub workflow Falls() -> String {
            phase only {
                #[timeout("10s")] #[or(instead)]
                done = Slow("x".to_owned());
            }
            done
        }
    }

    #[tokio::test]
    async fn a_child_that_takes_longer_than_its_steps_timeout_is_replaced_like_any_step() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(instead::with(Slow { name: "y".to_owned() })).await.unwrap(), "y");
        let job = runtime.submit(Falls {}).await.unwrap();
        runtime.advance(seconds(100));
        assert_eq!(job.result().unwrap().unwrap(), "x");
        assert_eq!(trace.lines()[2], "15 instead");
    }

    workflow! {
        pub workflow Waits() -> String {
            phase only {
                #[timeout("10s")] #[retry(max = 1, first = "5s")]
                done = Slow("x".to_owned());
            }
            done
        }
    }

    #[tokio::test]
    async fn a_child_that_takes_longer_than_its_steps_timeout_is_tried_again_and_fails_its_job() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Waits {}).await.unwrap();
        runtime.advance(seconds(200));
        let failure = job.result().unwrap().unwrap_err();
        assert_eq!(begun(&trace), ["x", "x"]);
        // Its own deadline did not pass: it has none.
        assert_eq!((failure.kind, job.state()), (FailureKind::TimedOut, JobState::Failed));
    }

    /// Says how long it may take.
    #[task_agent]
    async fn left(ctx: &TaskContext) -> Option<u64> {
        ctx.deadline().map(|deadline| deadline.since(ctx.now()).as_secs())
    }

    workflow! {
        #[timeout("30s")]
        pub workflow Left() -> Option<u64> {
            phase only { left = left(); }
            *left
        }
    }

    #[tokio::test]
    async fn an_attempt_knows_when_it_is_given_up() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(left::with()).await.unwrap(), None);
        assert_eq!(runtime.submit(left::with()).deadline("20s").await.unwrap().await.unwrap(), Some(20));
        let mut dag = Dag::new("limited");
        let task = dag.task::<left>(());
        dag.options(task, Options::new().deadline(seconds(25)));
        assert_eq!(runtime.run(dag.giving(task)).await.unwrap(), Some(25), "the task's deadline");
        assert_eq!(runtime.run(Left {}).await.unwrap(), Some(30), "the workflow's timeout");
    }

    #[tokio::test]
    async fn a_child_job_of_a_dag_has_its_tasks_deadline() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("limited");
        let task = dag.call(workflow_runtime::Call::<Slow>::new((Slow { name: "x".to_owned() },)));
        dag.options(task, Options::new().deadline(seconds(25)));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        runtime.advance(seconds(50));
        assert!(job.state().is_over());
    }
}

mod checks {
    use super::*;

    #[data]
    struct Share {
        #[schemars(range(min = 0, max = 100))]
        percent: i64,
    }

    #[task_agent]
    async fn share(percent: i64) -> Share {
        Share { percent }
    }

    #[task_agent]
    async fn spend(share: Share) -> i64 {
        share.percent
    }

    #[tokio::test]
    async fn an_output_out_of_range_is_not_right() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(share::with(100)).await.unwrap().percent, 100);
        let error = runtime.run(share::with(101)).await.unwrap_err().to_string();
        assert!(error.contains("the output of `share` is not right"), "{error}");
    }

    #[tokio::test]
    async fn an_input_out_of_range_is_not_right() {
        let (runtime, _) = traced();
        let error = runtime.run(spend::with(Share { percent: -1 })).await.unwrap_err().to_string();
        assert!(error.contains("the input of `spend` is not right"), "{error}");
    }

    #[data]
    struct Named {
        #[schemars(length(max = 3))]
        name: String,
    }

    workflow! {
        workflow Names(named: Named) -> Named {
            phase only { same = work(named.name.clone(), 0); }
            Named { name: format!("{same}{same}") }
        }
    }

    #[tokio::test]
    async fn a_workflows_input_is_checked_though_it_comes_typed() {
        let (runtime, _) = traced();
        let error = runtime.run(Names { named: Named { name: "long".to_owned() } }).await.unwrap_err();
        assert!(error.to_string().contains("the input of `Names` is not right"), "{error}");
    }

    #[tokio::test]
    async fn a_workflows_output_is_checked() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Names { named: Named { name: "x".to_owned() } }).await.unwrap().name, "xx");
        let error = runtime.run(Names { named: Named { name: "abc".to_owned() } }).await.unwrap_err();
        assert!(error.to_string().contains("the output of `Names` is not right"), "{error}");
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

    #[tokio::test]
    async fn so_many_jobs_of_a_workflow_run_at_once() {
        let (runtime, trace) = traced();
        for name in ["a", "b"] {
            runtime.submit(OneByOne { name: name.to_owned() }).await.unwrap();
        }
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +a", "10 -a", "10 +b", "20 -b"]);
    }

    workflow! {
        pub workflow Calls(name: String) -> String {
            phase only {
                #[queue("narrow")] #[priority("critical")]
                done = OneByOne(name);
            }
            done
        }
    }

    #[tokio::test]
    async fn a_step_says_the_queue_and_the_priority_of_a_child() {
        let (runtime, _) = narrow();
        let job = runtime.submit(Calls { name: "a".to_owned() }).await.unwrap();
        runtime.run_until_idle();
        let child = &runtime.jobs(&JobFilter::new().parent(job.id()))[0];
        assert_eq!((&*child.queue, child.priority), ("narrow", Some(Priority::Critical)));
        assert_eq!(busy(&runtime), ["narrow: 1 running, 0 waiting"]);
    }

    workflow! {
        #[rate("1/10s")]
        pub workflow Rationed(name: String) -> String {
            phase only { done = work(name, 1); }
            done
        }
    }

    #[tokio::test]
    async fn so_many_jobs_of_a_workflow_begin_in_a_time() {
        let (runtime, trace) = traced();
        for name in ["a", "b"] {
            runtime.submit(Rationed { name: name.to_owned() }).await.unwrap();
        }
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +a", "1 -a", "10 +b", "11 -b"]);
    }

    #[tokio::test]
    async fn a_job_that_is_cancelled_at_its_workflows_gate_does_not_shut_it() {
        let (runtime, trace) = traced();
        let submit = |name: &str| runtime.submit(OneByOne { name: name.to_owned() });
        let first = submit("a").await.unwrap();
        let second = submit("b").await.unwrap();
        submit("c").await.unwrap();
        runtime.run_until_idle();
        second.cancel("not needed").await;
        runtime.run_until_idle();
        first.cancel("not needed").await;
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), ["a", "c"]);
        submit("d").await.unwrap();
        runtime.advance(seconds(100));
        assert_eq!(begun(&trace), ["a", "c", "d"]);
    }

    #[tokio::test]
    async fn a_job_has_its_workflows_tags() {
        let (runtime, _) = traced();
        let job = runtime.submit(OneByOne { name: "a".to_owned() }).tag("own").await.unwrap();
        assert_eq!(runtime.jobs(&JobFilter::new().tag("billing")).len(), 1);
        assert_eq!(runtime.cancel_tagged("billing", "enough").await, 1);
        runtime.advance(seconds(10));
        assert_eq!(job.state(), JobState::Cancelled);
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
    async fn a_subtask_that_failed_before_its_parent_returned_is_not_overlooked() {
        let (runtime, _) = traced();
        let late = runtime.run(careless::with(1)).await;
        assert!(late.is_err(), "it failed when its parent had returned");
        let early = runtime.run(careless::with(10)).await;
        assert!(early.is_err(), "it failed before its parent returned, and nobody looked");
    }

    /// Says what its key is.
    #[task_agent]
    async fn key(ctx: &TaskContext) -> String {
        ctx.idempotency_key()
    }

    #[tokio::test]
    async fn no_two_tasks_of_a_job_have_one_key() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("alike");
        let tasks = [dag.call(key::with()), dag.call(key::with()), dag.call(key::with())];
        dag.name(tasks[1], "twice");
        dag.name(tasks[2], "twice");
        let Ok(job) = runtime.submit(dag).await else { return };
        runtime.run_until_idle();
        let mut paths: Vec<String> = job.tasks().into_iter().map(|task| task.path).collect();
        paths.dedup();
        assert_eq!(paths.len(), 3, "{paths:?}");
    }

    #[tokio::test]
    async fn an_order_that_cannot_be_kept_is_refused() {
        let (runtime, trace) = traced();
        let mut dag = Dag::new("late order");
        let first = dag.task::<work>(("first".to_owned(), 1));
        let second = dag.task::<work>(("second".to_owned(), 1));
        dag.after(first, second);
        let Ok(job) = runtime.submit(dag).await else { return };
        job.await.unwrap();
        assert_eq!(begun(&trace), ["second", "first"], "the order was dropped without a word");
    }

    #[tokio::test]
    async fn a_task_of_another_dag_is_refused_and_not_waited_for() {
        let (runtime, _) = traced();
        let mut other = Dag::new("other");
        let theirs = [(); 3].map(|()| other.call(key::with()))[2];
        let mut dag = Dag::new("mistaken");
        let mine = dag.call(key::with());
        let task = dag.task::<work>((theirs, 1));
        let _ = (mine, task);
        let Ok(job) = runtime.submit(dag).await else { return };
        runtime.advance(seconds(100));
        assert!(job.state().is_over(), "{:?} {:?}", job.state(), job.tasks());
    }
}

mod watching {
    use super::*;

    #[tokio::test]
    async fn events_begin_with_the_first_record() {
        let (runtime, _) = traced();
        let mut all = runtime.events();
        let job = runtime.submit(work::with("x".to_owned(), 1)).await.unwrap();
        runtime.advance(seconds(2));
        let first = job.events().next().await.unwrap();
        assert!(matches!(first.what, What::Fact(Fact::Submitted { .. })), "{first:?}");
        let first = all.next().await.unwrap();
        assert!(matches!(first.what, What::Fact(Fact::Submitted { .. })), "{first:?}");
    }

    workflow! {
        pub workflow Many(n: u64) -> usize {
            phase only {
                done = for name in (0..*n).map(|n| n.to_string()).collect::<Vec<_>>() { work(name, 0) };
            }
            done.len()
        }
    }

    #[tokio::test]
    async fn a_large_job_can_be_looked_at_when_it_is_over() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Many { n: 600 }).await.unwrap();
        let mut events = job.events();
        assert_eq!(job.outcome().await.unwrap(), 600);
        let mut seen = 0;
        while let Some(event) = events.next().await {
            seen += usize::from(matches!(event.what, What::Fact(_)));
        }
        // Begun, the elements, 600 starts and ends, and the end.
        assert!(seen >= 1203, "{seen}");
        assert_eq!(job.tasks().len(), 601);
        let again = runtime.restart();
        again.advance(seconds(100));
        assert_eq!(begun(&trace).len(), 600, "what is done is not done again");
        assert_eq!(again.job(job.id()).unwrap().outcome().await.unwrap(), json!(600));
    }

    #[tokio::test]
    async fn a_queue_is_drained_of_what_its_agents_name_it_for() {
        let (runtime, trace) = traced();
        runtime.submit(mail::with("a".to_owned())).await.unwrap();
        assert_eq!(runtime.drain("mail"), 1);
        assert_eq!(begun(&trace), ["a"]);
    }

    #[task_agent(queue = "mail")]
    async fn mail(to: String, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, format!("+{to}"));
        to
    }

    #[tokio::test]
    async fn durations_are_those_of_the_runtimes_clock() {
        let (runtime, _) = traced();
        runtime.run(work::with("x".to_owned(), 80)).await.unwrap();
        let stats = runtime.stats("work").unwrap();
        assert!(stats.p50 >= seconds(80) && stats.p50 <= seconds(90), "{stats:?}");
    }

    #[tokio::test]
    async fn what_else_failed_is_not_what_could_not_be_taken_back() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("going");
        for name in ["bad a", "bad b"] {
            dag.task::<work>((name.to_owned(), 1));
        }
        dag.keep_going();
        let failure = runtime.submit(dag).await.unwrap().await.unwrap_err();
        assert!(!failure.to_string().contains("could not be taken back"), "{failure}");
    }
}

mod restarts {
    use super::*;

    workflow! {
        pub workflow Asks() -> i64 {
            phase only { #[timeout("1h")] said = signal::<i64>("say"); }
            *said
        }
    }

    #[tokio::test]
    async fn the_time_to_wait_for_an_event_goes_on_over_a_restart() {
        let (runtime, _) = traced();
        let job = runtime.submit(Asks {}).await.unwrap();
        runtime.advance(seconds(3000));
        let runtime = runtime.restart();
        runtime.advance(seconds(601));
        assert_eq!(runtime.job(job.id()).unwrap().state(), JobState::Failed);
    }

    workflow! {
        #[timeout("1h")]
        pub workflow Limited() -> String {
            phase one { sleep("50m"); }
            phase two { again = sleep("50m"); }
            phase three { #[after(again)] done = work("x".to_owned(), 1); }
            done
        }
    }

    #[tokio::test]
    async fn a_workflows_timeout_goes_on_over_a_restart() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Limited {}).await.unwrap();
        runtime.advance(seconds(3000));
        let runtime = runtime.restart();
        runtime.advance(seconds(10_000));
        assert_eq!(runtime.job(job.id()).unwrap().state(), JobState::Expired);
        assert_eq!(trace.lines(), [""; 0]);
    }

    workflow! {
        pub workflow Child(name: String) -> String {
            phase only { sleep("50m"); done = work(name, 1); }
            done
        }
    }

    workflow! {
        pub workflow Parent() -> Option<String> {
            phase only { #[timeout("30m")] #[optional] done = Child("child".to_owned()); }
            done.clone()
        }
    }

    #[tokio::test]
    async fn a_childs_timeout_goes_on_over_a_restart() {
        let (runtime, _) = traced();
        let job = runtime.submit(Parent {}).await.unwrap();
        runtime.advance(seconds(1000));
        let runtime = runtime.restart();
        assert_eq!(runtime.job(job.id()).unwrap().await.unwrap(), json!(null));
        assert_eq!(runtime.elapsed(), seconds(800));
    }

    #[tokio::test]
    async fn a_tasks_deadline_goes_on_over_a_restart() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("limited");
        let task = dag.task::<work>(("x".to_owned(), 1000));
        dag.options(task, Options::new().deadline(seconds(100)));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        runtime.advance(seconds(50));
        let runtime = runtime.restart();
        runtime.advance(seconds(60));
        assert_eq!(runtime.job(job.id()).unwrap().state(), JobState::Expired);
    }

    #[tokio::test]
    async fn a_job_that_was_paused_before_it_began_can_go_on_after_a_restart() {
        let (runtime, _) = narrow();
        runtime.pause_queue("narrow").await.unwrap();
        let job = submit(&runtime, "x", 1).await;
        job.pause().await;
        runtime.run_until_idle();
        let runtime = runtime.restart();
        runtime.run_until_idle();
        let job = runtime.job(job.id()).unwrap();
        assert_eq!(job.state(), JobState::Paused);
        job.resume().await;
        runtime.advance(seconds(10));
        assert_eq!(job.state(), JobState::Succeeded);
    }

    /// Works until it is told to stop, and then takes a while.
    #[task_agent]
    async fn linger(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
        trace.note(ctx, format!("+{name}"));
        ctx.cancelled().await;
        ctx.sleep(seconds(2)).await;
        Err("told to stop".into())
    }

    workflow! {
        pub workflow Inner() -> String {
            phase only { done = linger("inner".to_owned()); }
            done
        }
    }

    workflow! {
        pub workflow Outer() -> String {
            phase only { beside = linger("outer".to_owned()); done = Inner(); }
            format!("{beside}{done}")
        }
    }

    #[tokio::test]
    async fn what_was_cancelled_is_not_started_again_by_a_restart() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Outer {}).await.unwrap();
        runtime.advance(seconds(10));
        job.cancel("enough").await;
        runtime.advance(seconds(1));
        assert_eq!(job.state(), JobState::Stopping);
        let runtime = runtime.restart();
        runtime.advance(seconds(100));
        assert_eq!(runtime.job(job.id()).unwrap().state(), JobState::Cancelled);
        assert_eq!(begun(&trace), ["outer", "inner"], "each was begun once, before it was cancelled");
    }

    #[task_agent]
    async fn counts(ctx: &TaskContext, trace: State<Trace>) -> Result<usize, AgentError> {
        trace.note(ctx, "+count");
        let before = trace.lines().len();
        if before == 1 {
            ctx.sleep(seconds(10)).await
        }
        if before < 3 { Err("not yet".into()) } else { Ok(before) }
    }

    #[tokio::test]
    async fn an_attempt_that_ended_with_its_process_is_no_failed_one() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("tried");
        let task = dag.call(counts::with());
        dag.options(task, Options::new().retry(Retry::new(1).first(seconds(1))));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        runtime.advance(seconds(5));
        let runtime = runtime.restart();
        // One ended with its process, one fails, and one may follow.
        assert_eq!(runtime.job(job.id()).unwrap().await.unwrap(), json!(3));
    }

    #[tokio::test]
    async fn what_runs_is_dropped_when_the_runtime_crashes() {
        let (runtime, trace) = traced();
        runtime.crash_after(2);
        runtime.submit(work::with("x".to_owned(), 10)).await.unwrap();
        runtime.run_until_idle();
        runtime.submit(work::with("y".to_owned(), 10)).await.unwrap();
        runtime.run_until_idle();
        assert!(runtime.has_crashed());
        runtime.advance(seconds(100));
        assert_eq!(trace.lines(), ["0 +x"]);
    }
}

mod crashes {
    use super::*;

    #[task_agent]
    async fn keyed(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
        trace.note(ctx, format!("+{}", ctx.idempotency_key()));
        ctx.sleep(seconds(1)).await;
        if name.starts_with("bad") { Err(AgentError::permanent("it is bad")) } else { Ok(name) }
    }

    workflow! {
        pub workflow CrashGrandchild(name: String) -> String {
            phase only { #[undo(keyed)] a = keyed(name); b = keyed(a); }
            b
        }
    }

    workflow! {
        pub workflow CrashChild(name: String) -> String {
            phase one { a = keyed(name); }
            phase two { b = CrashGrandchild(a); }
            b
        }
    }

    workflow! {
        pub workflow CrashParent(name: String) -> String {
            phase one { #[undo(keyed)] a = keyed(name); }
            phase two {
                one = CrashChild(a);
                #[optional]
                other = CrashChild("bad".to_owned());
            }
            phase three { c = keyed(format!("{one}{}", other.is_some())); }
            c
        }
    }

    #[tokio::test]
    async fn children_go_on_whatever_instant_a_process_ends_at() {
        let problems = sweep::sweep(traced, async |runtime: &TestRuntime| {
            runtime.submit(CrashParent { name: "x".to_owned() }).await.expect("it is taken in").id()
        })
        .await;
        assert!(problems.is_empty(), "{problems:#?}");
    }

    #[task_agent]
    async fn calls(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
        trace.note(ctx, format!("+{}", ctx.idempotency_key()));
        let child = workflow_runtime::Call::<CrashChild>::new((CrashChild { name },));
        ctx.spawn(child).await?.join().await
    }

    #[tokio::test]
    async fn children_that_agents_call_go_on_too() {
        let problems = sweep::sweep(traced, async |runtime: &TestRuntime| {
            runtime.submit(calls::with("x".to_owned())).await.expect("it is taken in").id()
        })
        .await;
        assert!(problems.is_empty(), "{problems:#?}");
    }

    #[tokio::test]
    async fn what_was_cancelled_stays_so_whatever_instant_a_process_ends_at() {
        let problems = sweep::sweep(traced, async |runtime: &TestRuntime| {
            let job = runtime.submit(CrashParent { name: "x".to_owned() }).await.expect("it is taken in");
            runtime.advance(Duration::from_millis(2500));
            job.cancel("enough").await;
            runtime.run_until_idle();
            job.id()
        })
        .await;
        assert!(problems.is_empty(), "{problems:#?}");
    }
}

mod endings {
    use super::*;

    /// Does not listen.
    #[task_agent]
    async fn deaf() {
        std::future::pending::<()>().await;
    }

    #[tokio::test]
    async fn a_job_that_a_shutdown_cuts_short_is_not_over() {
        let runtime = Runtime::builder()
            .state(Trace::default())
            .grace(Duration::from_millis(20))
            .in_memory()
            .await
            .unwrap();
        let job = runtime.submit(deaf::with()).await.unwrap();
        tokio::time::sleep(Duration::from_millis(20)).await;
        assert_eq!(runtime.shutdown(Duration::from_millis(20)).await, 1);
        assert_eq!(job.state(), JobState::Running);
        // Its attempt is lost, which is nobody's fault: whoever goes on with the job makes another.
        assert_eq!(job.tasks()[0].state, TaskState::Queued);
    }
}

mod races {
    use super::*;

    async fn some_turns(n: u64) {
        for _ in 0..n % 5 {
            tokio::task::yield_now().await;
        }
        if n.is_multiple_of(17) {
            tokio::time::sleep(Duration::from_micros(200)).await;
        }
    }

    #[task_agent]
    async fn stage(n: u64, ctx: &TaskContext) -> Result<u64, AgentError> {
        tokio::select! {
            () = some_turns(n) => Ok(n),
            () = ctx.cancelled() => Err("told to stop".into()),
        }
    }

    #[task_agent]
    async fn give_back(n: u64) {
        some_turns(n).await;
    }

    workflow! {
        /// Some work that can be taken back, and a child.
        pub workflow RaceStaged(n: u64) -> u64 {
            phase one { #[undo(give_back)] a = stage(*n); #[undo(give_back)] b = stage(*n + 1); }
            phase two { c = RaceBelow(*a + *b); }
            phase three { d = stage(*c); }
            *d
        }
    }

    workflow! {
        /// The child.
        pub workflow RaceBelow(n: u64) -> u64 {
            phase one { a = stage(*n); }
            phase two { b = stage(*a); }
            *b
        }
    }

    /// Jobs are cancelled, paused and resumed while they run; each ends, and children with their parents.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn whoever_cancels_pauses_and_resumes_loses_nobody() {
        let queue = Queue::new("default").concurrency(8);
        let given = Runtime::builder().state(Trace::default()).queue(queue).keep(100_000);
        let runtime = given.in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for n in 0..2000_u64 {
            let job = runtime.submit(RaceStaged { n }).await.unwrap();
            let other = job.clone();
            tokio::spawn(async move {
                some_turns(n * 7).await;
                match n % 4 {
                    0 => drop(other.cancel("enough").await),
                    1 => {
                        other.pause().await;
                        some_turns(n * 3).await;
                        other.resume().await;
                    }
                    2 => {
                        other.pause().await;
                        other.cancel("enough").await;
                    }
                    _ => {}
                }
            });
            jobs.push(job);
        }
        for job in jobs {
            let ended = tokio::time::timeout(Duration::from_secs(10), job.outcome()).await;
            assert!(ended.is_ok(), "it never ends: {} {:?} {:?}", job.state(), job.tasks(), runtime.queues());
        }
        // A place that a job was given when it was just over is free a moment after its end.
        let began = std::time::Instant::now();
        for queue in runtime.queues().iter().map(|queue| &queue.name) {
            let now = || runtime.queues().into_iter().find(|known| known.name == *queue).unwrap();
            while (now().running, now().waiting) != (0, 0) {
                assert!(began.elapsed() < Duration::from_secs(10), "{:?}", now());
                tokio::task::yield_now().await;
            }
        }
    }
}
