//! One attempt and the next: delays, limits of time, heartbeats, panics, hooks, and what a failure says.

use workflow_tests::trace;

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    Dag, Failure, FailureKind, JobState, Options, Retry, RunError, StallAction, TaskState,
};

fn failure(error: RunError) -> Failure {
    match error {
        RunError::Failed(failure) => failure,
        other => panic!("{other}"),
    }
}

/// Fails as often as it is told, as it is told, and notes each attempt.
async fn fail(times: u32, error: AgentError, ctx: &TaskContext, trace: &Trace) -> Result<u32, AgentError> {
    trace.note(ctx, format!("#{}", ctx.attempt()));
    if ctx.attempt() <= times { Err(error) } else { Ok(ctx.attempt()) }
}

mod retries {
    use super::*;

    #[task_agent(retry(max = 5, first = "1s", factor = 10, cap = "60s"))]
    async fn flaky(times: u32, ctx: &TaskContext, trace: State<Trace>) -> Result<u32, AgentError> {
        fail(times, AgentError::retry("flaky"), ctx, &trace).await
    }

    #[tokio::test]
    async fn delays_grow_to_their_cap() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(flaky::with(4)).await.unwrap(), 5);
        assert_eq!(trace.lines(), ["0 #1", "1 #2", "11 #3", "71 #4", "131 #5"]);
    }

    #[tokio::test]
    async fn after_the_last_retry_the_task_has_failed() {
        let (runtime, trace) = traced();
        let job = runtime.submit(flaky::with(9)).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        let expected = ["0 #1", "1 #2", "11 #3", "71 #4", "131 #5", "191 #6"];
        assert_eq!(trace.lines(), expected);
        assert_eq!((failure.message.as_str(), failure.attempt), ("flaky", 6));
        assert_eq!((failure.step.as_str(), failure.job), ("flaky", Some(job.id())));
        assert_eq!(failure.to_string(), format!("job {}, step `flaky`, attempt 6: flaky", job.id()));
        assert_eq!(job.tasks()[0].attempts, 6);
        let stats = runtime.stats("flaky").unwrap();
        assert_eq!((stats.count, stats.succeeded, stats.retries, stats.active), (6, 0, 5, 0));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn between_two_attempts_a_task_is_retrying() {
        let (runtime, _) = traced();
        let job = runtime.submit(flaky::with(1)).await.unwrap();
        runtime.run_until_idle();
        assert_eq!((job.tasks()[0].state, job.state()), (TaskState::Retrying, JobState::Running));
        runtime.advance(Duration::from_millis(999));
        assert_eq!(job.tasks()[0].state, TaskState::Retrying);
        runtime.advance(Duration::from_millis(1));
        assert_eq!(job.tasks()[0].state, TaskState::Succeeded);
    }

    #[tokio::test]
    async fn jitter_shortens_delays_by_its_share_at_most() {
        let trace = Trace::default();
        let runtime = TestRuntime::of(Runtime::builder().state(trace.clone()).jitter(0.5));
        let before = runtime.now();
        runtime.run(flaky::with(2)).await.unwrap();
        let took = runtime.now().since(before);
        assert!(took < seconds(11) && took >= Duration::from_millis(5500), "{took:?}");
        let again = TestRuntime::of(Runtime::builder().state(trace).jitter(0.5));
        again.run(flaky::with(2)).await.unwrap();
        assert_eq!(again.elapsed(), took, "the same in every run");
    }

    #[task_agent(retry(max = 3, first = "1s"))]
    async fn busy(times: u32, ctx: &TaskContext, trace: State<Trace>) -> Result<u32, AgentError> {
        fail(times, AgentError::retry_after(seconds(50), "busy"), ctx, &trace).await
    }

    #[tokio::test]
    async fn an_agent_may_say_when_to_try_again() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(busy::with(2)).await.unwrap(), 3);
        assert_eq!(trace.lines(), ["0 #1", "50 #2", "100 #3"]);
    }

    #[task_agent(retry(max = 3, first = "1s"))]
    async fn hopeless(times: u32, ctx: &TaskContext, trace: State<Trace>) -> Result<u32, AgentError> {
        fail(times, AgentError::permanent("hopeless"), ctx, &trace).await
    }

    #[tokio::test]
    async fn what_is_permanent_is_not_tried_again() {
        let (runtime, trace) = traced();
        let failure = failure(runtime.run(hopeless::with(1)).await.unwrap_err());
        assert_eq!((failure.kind, failure.attempt), (FailureKind::Error, 1));
        assert_eq!(trace.lines(), ["0 #1"]);
    }

    workflow! {
        pub workflow Overridden(times: u32) -> u32 {
            phase only {
                #[retry(max = 1, first = "7s")]
                done = flaky(times);
            }
            *done
        }
    }

    #[tokio::test]
    async fn a_step_overrides_its_agent() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(Overridden { times: 1 }).await.unwrap(), 2);
        runtime.run(Overridden { times: 2 }).await.unwrap_err();
        assert_eq!(trace.lines(), ["0 #1", "7 #2", "7 #1", "14 #2"]);
    }
}

mod causes {
    use super::*;

    #[derive(Debug)]
    struct Layer(&'static str, Option<Box<Layer>>);

    impl std::fmt::Display for Layer {
        fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            out.write_str(self.0)
        }
    }

    impl std::error::Error for Layer {
        fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
            self.1.as_deref().map(|layer| layer as _)
        }
    }

    #[task_agent(name = "files.save", retry(max = 1, first = "1s"))]
    async fn save(text: String) -> Result<String, Layer> {
        let _ = text;
        let disk = Layer("the disk is full", Some(Box::new(Layer("out of blocks", None))));
        Err(Layer("it cannot be saved", Some(Box::new(disk))))
    }

    workflow! {
        pub workflow Saves() -> String {
            phase only {
                saved = for text in vec!["a".to_owned()] { save(text) };
            }
            saved.concat()
        }
    }

    #[tokio::test]
    async fn a_failure_names_job_step_attempt_and_causes() {
        let (runtime, _) = traced();
        let job = runtime.submit(Saves {}).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Error);
        assert_eq!(failure.message, "it cannot be saved");
        assert_eq!(failure.causes, ["the disk is full", "out of blocks"]);
        let place = format!("job {}, step `saved[0]/save`, attempt 2", job.id());
        let expected = format!("{place}: it cannot be saved: the disk is full: out of blocks");
        assert_eq!(failure.to_string(), expected);
        assert_eq!(job.status().failure, Some(failure));
    }
}

mod panics {
    use super::*;

    #[task_agent(retry(max = 2, first = "1s"))]
    async fn shaky(times: u32, ctx: &TaskContext) -> u32 {
        assert!(ctx.attempt() > times, "shaky in attempt {}", ctx.attempt());
        ctx.attempt()
    }

    #[task_agent]
    async fn shaky_later(time: u64, ctx: &TaskContext) -> u32 {
        ctx.sleep(seconds(time)).await;
        std::panic::panic_any(7_u8)
    }

    #[tokio::test]
    async fn a_panic_is_an_outcome_with_message_and_place() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(shaky::with(1)).await.unwrap(), 2);
        let failure = failure(runtime.run(shaky::with(9)).await.unwrap_err());
        assert_eq!((failure.kind, failure.attempt, failure.step.as_str()), (FailureKind::Panic, 3, "shaky"));
        assert!(failure.message.starts_with("panicked at tests/tests/attempts.rs:"), "{failure}");
        assert!(failure.message.ends_with(": shaky in attempt 3"), "{failure}");
    }

    #[tokio::test]
    async fn a_panic_without_words_is_one_too_and_other_jobs_go_on() {
        let (runtime, _) = traced();
        let one = runtime.submit(shaky_later::with(5)).await.unwrap();
        let other = runtime.submit(shaky::with(1)).await.unwrap();
        let failure = one.outcome().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Panic);
        assert!(failure.message.ends_with(": without words"), "{failure}");
        assert_eq!(other.outcome().await.unwrap(), 2);
    }
}

mod time {
    use super::*;

    /// Takes so long, and says when it is told to stop, if it listens.
    #[task_agent(timeout = "10s", retry(max = 1, first = "2s"))]
    async fn slow(
        time: u64,
        listens: bool,
        ctx: &TaskContext,
        trace: State<Trace>,
    ) -> Result<u32, AgentError> {
        trace.note(ctx, format!("#{}", ctx.attempt()));
        assert_eq!(ctx.deadline(), Some(ctx.now() + seconds(10)));
        if listens {
            ctx.cancelled().await;
            trace.note(ctx, format!("told #{}", ctx.attempt()));
            return Err("told to stop".into());
        }
        ctx.sleep(seconds(time)).await;
        trace.note(ctx, format!("done #{}", ctx.attempt()));
        Ok(ctx.attempt())
    }

    #[tokio::test]
    async fn an_attempt_that_is_in_time_succeeds() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(slow::with(9, false)).await.unwrap(), 1);
        assert_eq!(runtime.elapsed(), seconds(9));
    }

    #[tokio::test]
    async fn an_attempt_that_takes_too_long_is_told_to_stop_and_made_again() {
        let (runtime, trace) = traced();
        let failure = failure(runtime.run(slow::with(0, true)).await.unwrap_err());
        assert_eq!(trace.lines(), ["0 #1", "10 told #1", "12 #2", "22 told #2"]);
        assert_eq!((failure.kind, failure.attempt), (FailureKind::TimedOut, 2));
        assert_eq!(failure.message, "it took longer than its timeout of 10s");
    }

    #[tokio::test]
    async fn what_does_not_listen_is_dropped_after_the_grace_time() {
        let (runtime, trace) = traced();
        let failure = failure(runtime.run(slow::with(100, false)).await.unwrap_err());
        assert_eq!(trace.lines(), ["0 #1", "17 #2"]);
        assert_eq!(failure.kind, FailureKind::TimedOut);
        assert_eq!(runtime.elapsed(), seconds(32));
    }

    #[tokio::test]
    async fn what_it_still_gives_within_the_grace_time_counts() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(slow::with(14, false)).await.unwrap(), 1);
        assert_eq!(trace.lines(), ["0 #1", "14 done #1"]);
    }

    #[task_agent]
    async fn rest(time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<u32, AgentError> {
        trace.note(ctx, format!("#{}", ctx.attempt()));
        ctx.sleep(seconds(time)).await;
        if time == 0 { Err(AgentError::retry("no rest")) } else { Ok(ctx.attempt()) }
    }

    #[tokio::test]
    async fn a_task_has_a_deadline_over_all_its_attempts() {
        let (runtime, trace) = traced();
        let mut dag = Dag::new("limited");
        let task = dag.task::<rest>(0);
        let retry = Retry::new(100).first(seconds(10)).factor(1.0);
        dag.options(task, Options::new().retry(retry).deadline(seconds(25)));
        let job = runtime.submit(dag).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!(trace.lines(), ["0 #1", "10 #2", "20 #3"]);
        assert_eq!((failure.kind, failure.attempt), (FailureKind::Expired, 3));
        assert_eq!(failure.message, "it took longer than its deadline, all in all");
        assert_eq!((runtime.elapsed(), job.tasks()[0].state), (seconds(25), TaskState::Expired));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_tasks_deadline_stops_what_runs() {
        let (runtime, _) = traced();
        let mut dag = Dag::new("limited");
        let task = dag.task::<rest>(100);
        dag.options(task, Options::new().deadline(seconds(25)).retry(Retry::new(5)));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().kind, FailureKind::Expired);
        assert_eq!(runtime.elapsed(), seconds(25 + 5));
    }

    #[tokio::test]
    async fn the_wait_in_a_queue_counts_for_a_tasks_deadline() {
        let (runtime, trace) = traced();
        runtime.pause_queue("narrow").await.unwrap();
        let mut dag = Dag::new("limited");
        let task = dag.task::<rest>(1);
        dag.options(task, Options::new().deadline(seconds(25)).queue("narrow"));
        let job = runtime.submit(dag.giving(task)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().kind, FailureKind::Expired);
        assert_eq!((runtime.elapsed(), trace.lines().len()), (seconds(25), 0));
        // Nobody has its place.
        runtime.resume_queue("narrow").await.unwrap();
        assert_eq!(runtime.run(rest::with(1)).await.unwrap(), 1);
        assert!(runtime.queues().iter().all(|queue| (queue.running, queue.waiting) == (0, 0)));
    }

    #[tokio::test]
    async fn a_job_has_a_deadline_too() {
        let (runtime, trace) = traced();
        let job = runtime.submit(rest::with(100)).deadline("1m").await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Expired, "its deadline passed"));
        assert_eq!((job.state(), runtime.elapsed()), (JobState::Expired, seconds(65)));
        assert_eq!(job.tasks()[0].state, TaskState::Cancelled);
        // One that never began expires, too.
        runtime.pause_queue("default").await.unwrap();
        let job = runtime.submit(rest::with(1)).deadline("1m").await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().kind, FailureKind::Expired);
        assert_eq!((runtime.elapsed(), trace.lines().len()), (seconds(125), 1));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_deadline_counts_from_the_submission_not_from_the_delay() {
        let (runtime, trace) = traced();
        let job = runtime.submit(rest::with(1)).delay("50s").deadline("20s").await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().kind, FailureKind::Expired);
        assert_eq!((runtime.elapsed(), trace.lines().len()), (seconds(20), 0));
    }

    workflow! {
        #[timeout("1m")]
        pub workflow Limited(first: u64, second: u64) -> u32 {
            phase one { a = rest(*first); }
            phase two { b = rest(*second); }
            a + b
        }
    }

    #[tokio::test]
    async fn a_workflow_may_limit_all_its_jobs() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(Limited { first: 30, second: 29 }).await.unwrap(), 2);
        let job = runtime.submit(Limited { first: 30, second: 40 }).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, job.state()), (FailureKind::Expired, JobState::Expired));
        assert_eq!(runtime.elapsed(), seconds(59 + 60 + 5));
        assert_eq!(trace.lines(), ["0 #1", "30 #1", "59 #1", "89 #1"]);
    }

    #[tokio::test]
    async fn a_limit_counts_from_when_the_job_begins() {
        let (runtime, _) = traced();
        let job = runtime.submit(Limited { first: 30, second: 29 }).delay("10m").await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 2);
        assert_eq!(runtime.elapsed(), seconds(659));
    }
}

mod heartbeats {
    use super::*;

    /// Works for some seconds, and shows that it is alive for the first of them.
    #[task_agent(heartbeat = "5s", retry(max = 1, first = "2s"))]
    async fn beats(alive: u64, time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<u32, AgentError> {
        trace.note(ctx, format!("#{}", ctx.attempt()));
        for second in 0..time {
            if second < alive {
                match second % 3 {
                    0 => ctx.heartbeat(),
                    1 => ctx.progress(0.5, "half"),
                    _ => ctx.checkpoint(&second).await?,
                }
            }
            ctx.sleep(seconds(1)).await;
            if ctx.is_cancelled() {
                trace.note(ctx, "told");
                return Err("told to stop".into());
            }
        }
        Ok(ctx.attempt())
    }

    #[tokio::test]
    async fn who_shows_that_it_is_alive_may_take_its_time() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(beats::with(60, 63)).await.unwrap(), 1);
        assert_eq!((runtime.elapsed(), trace.lines()), (seconds(63), vec!["0 #1".to_owned()]));
    }

    #[tokio::test]
    async fn who_is_silent_is_stopped_and_made_again() {
        let (runtime, trace) = traced();
        let failure = failure(runtime.run(beats::with(4, 100)).await.unwrap_err());
        // It is silent from second 3 on, so it stalls at 8, and notices when it wakes.
        assert_eq!(trace.lines(), ["0 #1", "8 told", "10 #2", "18 told"]);
        assert_eq!((failure.kind, failure.attempt), (FailureKind::Stalled, 2));
        assert_eq!(failure.message, "it was silent for longer than 5s");
    }

    #[tokio::test]
    async fn a_stall_may_cancel_the_job() {
        let (runtime, trace) = traced_of(Runtime::builder().on_stall(StallAction::CancelJob));
        let job = runtime.submit(beats::with(1, 100)).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cancelled);
        assert_eq!(failure.message, "step `beats` stalled: it was silent for longer than 5s");
        assert_eq!((job.state(), trace.lines()), (JobState::Cancelled, lines(&["0 #1", "5 told"])));
    }

    #[tokio::test]
    async fn a_stall_may_call_a_function_and_let_the_attempt_go_on() {
        let calls = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&calls);
        let action = StallAction::Call(Arc::new(move |job: &str, task: &str| {
            seen.lock().unwrap_or_else(PoisonError::into_inner).push(format!("{job} {task}"));
            panic!("the stall action itself is no good");
        }));
        let (runtime, trace) = traced_of(Runtime::builder().on_stall(action));
        let job = runtime.submit(beats::with(1, 12)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 1);
        assert_eq!(trace.lines(), ["0 #1"]);
        let call = format!("{} beats", job.id());
        assert_eq!(*calls.lock().unwrap(), [call.clone(), call], "at 5 s and at 10 s");
    }

    fn lines(lines: &[&str]) -> Vec<String> {
        lines.iter().map(|line| (*line).to_owned()).collect()
    }
}

mod hooks {
    use super::*;

    static SEEN: Mutex<Vec<String>> = Mutex::new(Vec::new());

    fn see(which: &str, outcome: &Outcome<'_>) {
        let result = match outcome.result {
            Ok(json) => json.to_string(),
            Err(error) => format!("error {error}"),
        };
        let Outcome { agent, job_id, task_id, attempt, .. } = outcome;
        let line = format!("{job_id} {which} {agent} {task_id} #{attempt} {result}");
        SEEN.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }

    fn good(outcome: &Outcome<'_>) {
        see("good", outcome);
    }

    fn again(outcome: &Outcome<'_>) -> Result<(), String> {
        see("again", outcome);
        Err("this hook fails".to_owned())
    }

    fn lost(outcome: &Outcome<'_>) {
        see("lost", outcome);
        panic!("this hook panics");
    }

    fn also(outcome: &Outcome<'_>) {
        see("also", outcome);
    }

    /// What hooks saw of one job.
    fn seen(job: &str) -> Vec<String> {
        let seen = SEEN.lock().unwrap_or_else(PoisonError::into_inner);
        seen.iter().filter_map(|line| Some(line.strip_prefix(job)?.trim().to_owned())).collect()
    }

    #[task_agent(retry(max = 1, first = "1s"), on_success = good, on_retry = again, on_failure = lost)]
    async fn watched(times: u32, ctx: &TaskContext) -> Result<u32, AgentError> {
        if ctx.attempt() <= times { Err(AgentError::retry("not yet")) } else { Ok(ctx.attempt()) }
    }

    workflow! {
        pub workflow Watched(times: u32) -> u32 {
            phase only {
                #[on_success(also)] #[on_failure(also)]
                step = watched(times);
            }
            *step
        }
    }

    /// A runtime whose job ids no other test has.
    fn apart(delay: u64) -> TestRuntime {
        let runtime = TestRuntime::of(Runtime::builder().state(Trace::default()).jitter(0.0));
        runtime.advance(seconds(delay));
        runtime
    }

    #[tokio::test]
    async fn hooks_see_outcomes_and_change_nothing() {
        let runtime = apart(1);
        let job = runtime.submit(watched::with(1)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 2);
        runtime.run_until_idle();
        let says = |which: &str| format!("error job {}, step `watched`, attempt {which}: not yet", job.id());
        let expected =
            [format!("again watched watched #1 {}", says("1")), "good watched watched #2 2".into()];
        assert_eq!(seen(&job.id().to_string()), expected);
        let job = runtime.submit(watched::with(2)).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Error, "not yet"));
        runtime.run_until_idle();
        let seen = seen(&job.id().to_string());
        assert!(seen[0].starts_with("again watched watched #1 error"), "{seen:?}");
        assert!(seen[1].starts_with("lost watched watched #2 error"), "{seen:?}");
        assert_eq!(seen.len(), 2);
    }

    #[tokio::test]
    async fn a_steps_hooks_see_what_its_agents_hooks_see() {
        let runtime = apart(2);
        let job = runtime.submit(Watched { times: 0 }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 1);
        runtime.run_until_idle();
        assert_eq!(seen(&job.id().to_string()), ["good watched step #1 1", "also watched step #1 1"]);
    }
}

mod constraints {
    use super::*;

    #[data]
    struct Share {
        #[schemars(length(min = 1, max = 3))]
        percent: String,
    }

    #[task_agent(retry(max = 1, first = "1s"))]
    async fn share(percent: String, ctx: &TaskContext, trace: State<Trace>) -> Share {
        trace.note(ctx, format!("#{}", ctx.attempt()));
        Share { percent }
    }

    #[task_agent(retry(max = 1, first = "1s"))]
    async fn spend(share: Share, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, "spent");
        share.percent
    }

    workflow! {
        pub workflow Spends(percent: String) -> String {
            phase only { spent = spend(Share { percent: percent.clone() }); }
            spent
        }
    }

    #[tokio::test]
    async fn an_output_that_breaks_its_schema_is_a_failure_that_may_pass() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(share::with("100".into())).await.unwrap().percent, "100");
        let failure = failure(runtime.run(share::with("1000".into())).await.unwrap_err());
        assert_eq!((failure.kind, failure.attempt), (FailureKind::BadOutput, 2));
        assert!(failure.message.starts_with("the output of `share` is not right: "), "{failure}");
        assert!(failure.message.contains("percent"), "{failure}");
        assert_eq!(trace.lines(), ["0 #1", "0 #1", "1 #2"]);
    }

    #[tokio::test]
    async fn an_input_that_breaks_its_schema_never_reaches_the_agent() {
        let (runtime, trace) = traced();
        let job = runtime.submit(spend::with(Share { percent: String::new() })).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.attempt), (FailureKind::BadInput, 1));
        assert!(failure.message.starts_with("the input of `spend` is not right: "), "{failure}");
        assert!(failure.message.contains("percent"), "{failure}");
        let failure = super::failure(runtime.run(Spends { percent: "1000".into() }).await.unwrap_err());
        assert_eq!((failure.kind, failure.step.as_str()), (FailureKind::BadInput, "spent"));
        assert_eq!(trace.lines(), [""; 0]);
        assert_eq!(runtime.run(Spends { percent: "7".into() }).await.unwrap(), "7");
    }
}

mod schemas {
    use super::*;
    use serde_json::{Value, json};

    #[task_agent(
        name = "planning_agent",
        input_schema = r#"{"type": "object", "properties": {"objective": {"type": "string"}}, "required": ["objective"]}"#,
        output_schema = r#"{"type": "object", "properties": {"plan": {"type": "string"}}, "required": ["plan"]}"#
    )]
    async fn planning_agent(input: Value) -> Result<Value, String> {
        match input["objective"].as_str() {
            Some("nothing") => Ok(json!({"plan": null})),
            Some(objective) => Ok(json!({"plan": format!("reach {objective}")})),
            None => Err("it was let through".to_owned()),
        }
    }

    #[tokio::test]
    async fn schemas_that_somebody_wrote_are_checked_at_both_ends() {
        let (runtime, _) = traced();
        let run = |input: Value| runtime.run(planning_agent::with(input));
        assert_eq!(run(json!({"objective": "x"})).await.unwrap(), json!({"plan": "reach x"}));
        assert_eq!(failure(run(json!({"goal": "x"})).await.unwrap_err()).kind, FailureKind::BadInput);
        let failure = failure(run(json!({"objective": "nothing"})).await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::BadOutput);
        assert!(failure.message.contains("/plan"), "{failure}");
        let error = runtime.submit_json("planning_agent", json!({"objective": 7})).await.unwrap_err();
        assert!(error.to_string().contains("/objective"), "{error}");
    }
}

mod threads {
    use super::*;

    static ENDED: AtomicU32 = AtomicU32::new(0);

    #[task_agent]
    async fn blocks(millis: u64) -> u64 {
        std::thread::sleep(Duration::from_millis(millis));
        ENDED.fetch_add(1, Ordering::SeqCst);
        millis
    }

    #[task_agent]
    async fn quick(n: u64) -> u64 {
        n
    }

    /// An agent that holds its thread hurts itself only: others are done long before it is.
    #[tokio::test]
    async fn an_agent_that_blocks_holds_nobody_up() {
        let runtime = Runtime::builder().state(Trace::default()).in_memory().await.unwrap();
        let slow = runtime.submit(blocks::with(1000)).await.unwrap();
        for n in 0..100 {
            assert_eq!(runtime.run(quick::with(n)).await.unwrap(), n);
        }
        assert_eq!(ENDED.load(Ordering::SeqCst), 0, "it blocks still");
        assert_eq!(slow.await.unwrap(), 1000);
    }
}
