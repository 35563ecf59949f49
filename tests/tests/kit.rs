//! The test kit itself: its clock, its order, replaced agents, journals, and crashes.

use workflow_tests::sweep;
use workflow_tests::trace;

use std::collections::HashSet;
use std::time::Duration;

use serde_json::json;
use sweep::sweep;
use trace::{START, Trace, seconds, traced};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::{TestRuntime, context, run_agent};
use workflow_runtime::{
    Dag, Export, Failure, FailureKind, ImportError, JobFilter, JobState, Options, Registry, Resources, Retry,
    RunError, TaskState,
};

fn text(text: &str) -> String {
    text.to_owned()
}

/// Works for so many seconds, and fails for good if its name begins with `bad`.
#[task_agent]
async fn work(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{}", ctx.idempotency_key()));
    ctx.sleep(seconds(time)).await;
    if name.starts_with("bad") {
        return Err(AgentError::permanent(format!("{name} cannot be done")));
    }
    Ok(name)
}

/// Fails twice, as a checkpoint counts.
#[task_agent(retry(max = 9, first = "1s"))]
async fn stumble(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{}", ctx.idempotency_key()));
    let times = ctx.restored::<u32>()?.unwrap_or(0);
    ctx.checkpoint(&(times + 1)).await?;
    if times < 2 { Err("it stumbles".into()) } else { Ok(name) }
}

/// Makes two subtasks and joins them.
#[task_agent]
async fn spread(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{}", ctx.idempotency_key()));
    let one = ctx.spawn(work::with(format!("{name} 1"), 1)).await?;
    let two = ctx.spawn(stumble::with(format!("{name} 2"))).key("two").after(one.task()).await?;
    let bad = ctx.spawn(work::with(text("bad"), 1)).optional().await?;
    let lost = bad.join().await.is_err();
    Ok(format!("{} {} {lost}", one.join().await?, two.join().await?))
}

#[task_agent]
async fn add(a: i64, b: i64, ctx: &TaskContext, trace: State<Trace>) -> i64 {
    trace.note(ctx, format!("+{}", ctx.idempotency_key()));
    a + b
}

#[task_agent]
async fn take_back(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<(), AgentError> {
    trace.note(ctx, format!("+{}", ctx.idempotency_key()));
    ctx.sleep(seconds(1)).await;
    if name == "stuck" { Err(AgentError::permanent("it is stuck")) } else { Ok(()) }
}

mod clock {
    use super::*;

    #[tokio::test]
    async fn it_stands_still_until_it_is_moved() {
        let (runtime, trace) = traced();
        assert_eq!((runtime.now(), runtime.elapsed()), (START, Duration::ZERO));
        let job = runtime.submit(work::with(text("x"), 10)).await.unwrap();
        runtime.run_until_idle();
        assert_eq!((runtime.elapsed(), trace.lines().len()), (Duration::ZERO, 1));
        runtime.advance(seconds(9));
        assert_eq!((runtime.elapsed(), job.state()), (seconds(9), JobState::Running));
        runtime.advance(seconds(9));
        assert_eq!((runtime.elapsed(), job.state()), (seconds(18), JobState::Succeeded));
        // Who waits moves it as far as it must.
        runtime.run(work::with(text("y"), 5)).await.unwrap();
        assert_eq!(runtime.elapsed(), seconds(23));
        assert_eq!(format!("{runtime:?}"), "TestRuntime(23s after its start)");
    }

    #[tokio::test]
    async fn each_test_has_its_own() {
        let (one, other) = (traced().0, traced().0);
        one.advance(seconds(100));
        assert_eq!(other.elapsed(), Duration::ZERO);
        assert_eq!(other.run(work::with(text("x"), 5)).await.unwrap(), "x");
        assert_eq!((one.elapsed(), other.elapsed()), (seconds(100), seconds(5)));
    }

    workflow! {
        pub workflow Wide() -> Vec<String> {
            phase only { all = for n in vec![0, 1, 2, 3, 4, 5, 6, 7] { work(n.to_string(), 1) }; }
            all
        }
    }

    async fn order(seed: u64) -> Vec<String> {
        let trace = Trace::default();
        let runtime = TestRuntime::seeded(Runtime::builder().state(trace.clone()).jitter(0.0), seed);
        for _ in 0..4 {
            runtime.submit(Wide {}).await.expect("it is taken in");
        }
        runtime.advance(seconds(10));
        trace.lines()
    }

    #[tokio::test]
    async fn a_seed_decides_the_order_and_the_same_seed_the_same() {
        let plain = order(0).await;
        assert_eq!(plain, order(0).await);
        let mut orders = HashSet::new();
        for seed in 1..=10 {
            let one = order(seed).await;
            assert_eq!(one, order(seed).await, "seed {seed}");
            assert_eq!(one.iter().collect::<HashSet<_>>(), plain.iter().collect(), "seed {seed}");
            orders.insert(one);
        }
        assert!(orders.len() > 5, "{} orders of 10 seeds", orders.len());
    }
}

mod waiting_jobs {
    use super::*;

    #[tokio::test]
    async fn what_waits_is_found_by_name_and_input() {
        let (runtime, _) = traced();
        runtime.refute_enqueued("work");
        runtime.submit(work::with(text("x"), 10)).delay("1h").await.unwrap();
        runtime.assert_enqueued("work", &json!({"name": "x", "time": 10}));
        runtime.refute_enqueued("add");
        assert_eq!(runtime.enqueued("work").len(), 1);
        runtime.advance(seconds(3605));
        assert_eq!(runtime.enqueued("work")[0].state, JobState::Running);
        runtime.assert_enqueued("work", &json!({"name": "x", "time": 10}));
        runtime.advance(seconds(10));
        runtime.refute_enqueued("work");
        assert_eq!((runtime.count(JobState::Succeeded), runtime.count(JobState::Failed)), (1, 0));
    }

    #[tokio::test]
    #[should_panic(
        expected = "no job of `work` with the input {\"name\":\"y\",\"time\":10} waits; there are"
    )]
    async fn what_does_not_wait_is_told_with_what_does() {
        let (runtime, _) = traced();
        runtime.submit(work::with(text("x"), 10)).await.unwrap();
        runtime.assert_enqueued("work", &json!({"name": "y", "time": 10}));
    }

    #[tokio::test]
    #[should_panic(expected = "jobs of `work` wait, with the inputs [Object {\"name\": String(\"x\")")]
    async fn what_waits_and_should_not_is_told() {
        let (runtime, _) = traced();
        runtime.submit(work::with(text("x"), 10)).await.unwrap();
        runtime.refute_enqueued("work");
    }

    #[tokio::test]
    async fn a_queue_is_drained() {
        let (runtime, trace) = traced();
        for time in [1, 20, 300] {
            runtime.submit(work::with(text("x"), time)).queue("mail").await.unwrap();
        }
        runtime.submit(work::with(text("later"), 1)).queue("mail").delay("1h").await.unwrap();
        assert_eq!(runtime.drain("mail"), 4);
        assert_eq!(runtime.elapsed(), seconds(3601));
        assert_eq!((runtime.drain("mail"), trace.lines().len()), (0, 4));
    }

    workflow! {
        pub workflow Asks() -> bool {
            phase only { said = signal::<bool>("say"); }
            *said
        }
    }

    #[tokio::test]
    async fn a_queue_whose_jobs_wait_for_the_test_is_drained_as_far_as_it_goes() {
        let (runtime, _) = traced();
        let job = runtime.submit(Asks {}).queue("mail").await.unwrap();
        assert_eq!((runtime.drain("mail"), job.state()), (1, JobState::Running));
        job.signal("say", true).await.unwrap();
        assert_eq!((runtime.drain("mail"), job.await.unwrap()), (0, true));
    }
}

mod agents {
    use super::*;

    workflow! {
        pub workflow Adds(a: i64) -> i64 {
            phase only { b = add(*a, 1); c = add(b, 10); }
            *c
        }
    }

    #[tokio::test]
    async fn an_agent_is_replaced_by_a_function() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(Adds { a: 1 }).await.unwrap(), 12);
        runtime.replace::<add>(|(a, b), context| {
            if context.task_id() == "c" && a == 0 {
                return Err(AgentError::permanent(format!("no {b}")));
            }
            Ok(a * b)
        });
        assert_eq!(runtime.run(Adds { a: 3 }).await.unwrap(), 30);
        let failure = failed(runtime.run(Adds { a: 0 }).await.unwrap_err());
        assert_eq!((failure.message.as_str(), failure.step.as_str()), ("no 10", "c"));
        assert_eq!(trace.lines().len(), 2, "the agent itself ran twice");
        assert_eq!(runtime.restart().run(Adds { a: 4 }).await.unwrap(), 40, "it stays replaced");
    }

    fn failed(error: RunError) -> Failure {
        match error {
            RunError::Failed(failure) => failure,
            other => panic!("{other}"),
        }
    }

    #[tokio::test]
    async fn attempts_fail_as_a_test_wants_it() {
        let (runtime, trace) = traced();
        runtime.fail_attempt("stumble", 1, AgentError::retry_after(seconds(60), "not now"));
        runtime.fail_attempt("stumble", 3, AgentError::retry("not here"));
        // Attempts 2 and 4 stumble by themselves.
        assert_eq!(runtime.run(stumble::with(text("x"))).await.unwrap(), "x");
        let seconds: Vec<String> = trace.lines().iter().map(|line| line[..3].trim().to_owned()).collect();
        assert_eq!(seconds, ["60", "66", "74"]);
        runtime.fail_attempt("work", 1, AgentError::permanent("never"));
        let failure = failed(runtime.run(work::with(text("x"), 1)).await.unwrap_err());
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Error, "never"));
    }

    #[tokio::test]
    #[should_panic(expected = "there is no agent `nobody`")]
    async fn an_agent_that_there_is_not_cannot_fail() {
        traced().0.fail_attempt("nobody", 1, AgentError::retry("x"));
    }

    #[tokio::test]
    async fn one_agent_runs_without_a_runtime() {
        let trace = Trace::default();
        let given = || context(Resources::new().with_state(trace.clone()));
        assert_eq!(run_agent(add::with(1, 2), given()).await.unwrap(), 3);
        assert_eq!(run_agent(work::with(text("x"), 1000), given()).await.unwrap(), "x");
        let error = run_agent(work::with(text("bad"), 1), given()).await.unwrap_err();
        assert!(error.is_permanent());
        assert_eq!(error.to_string(), "bad cannot be done");
        let error = run_agent(spread::with(text("x")), given()).await.unwrap_err();
        assert_eq!(error.to_string(), "`work` cannot be spawned: no runtime runs this attempt");
        let error = run_agent(add::with(1, 2), context(Resources::new())).await.unwrap_err();
        assert!(error.to_string().contains("State<"), "{error}");
        let context = given();
        run_agent(stumble::with(text("x")), context.clone()).await.unwrap_err();
        assert_eq!(context.restored::<u32>().unwrap(), Some(1));
        assert_eq!((context.attempt(), context.idempotency_key()), (1, text("job/task")));
    }
}

mod journals {
    use super::*;

    workflow! {
        pub workflow Slow(name: String) -> String {
            phase one { a = work(name, 10); }
            phase two { sleep("1h"); b = work(format!("{a}!"), 10); }
            b
        }
    }

    #[tokio::test]
    async fn a_journal_goes_on_elsewhere() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Slow { name: text("x") }).tag("t").await.unwrap();
        runtime.advance(seconds(15));
        let export = runtime.export(job.id()).await.unwrap().unwrap();
        let json: serde_json::Value = serde_json::from_str(&export.to_string()).unwrap();
        let records = json["lines"].as_array().unwrap();
        let facts: Vec<&str> = records.iter().map(|record| record["fact"].as_str().unwrap()).collect();
        // Both steps of the second phase began when the first was over; a timer has no place to wait for.
        assert_eq!(facts, ["submitted", "begun", "started", "succeeded", "slept", "started"]);
        assert_eq!(records[0]["at"], "2025-01-01T00:00:00.000000Z");
        assert_eq!(records[3]["at"], "2025-01-01T00:00:10.000000Z");
        assert_eq!(records[3]["output"], "x");
        let (elsewhere, there) = traced();
        elsewhere.advance(seconds(100));
        let again = elsewhere.import(export).await.unwrap();
        assert_eq!((again.id(), again.status().tags.len()), (job.id(), 1));
        assert_eq!(again.await.unwrap(), json!("x!"));
        // The timer rings when it was to ring.
        assert_eq!(elsewhere.elapsed(), seconds(3610));
        assert_eq!(there.lines(), [format!("100 +{}/b", job.id())]);
        assert_eq!(trace.lines().len(), 2);
        elsewhere.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_journal_of_what_is_over_tells_how_it_ended() {
        let (runtime, _) = traced();
        let good = runtime.submit(work::with(text("x"), 1)).await.unwrap();
        let bad = runtime.submit(work::with(text("bad"), 1)).await.unwrap();
        good.outcome().await.unwrap();
        let failure = bad.outcome().await.unwrap_err();
        let (elsewhere, trace) = traced();
        let export = runtime.export(good.id()).await.unwrap().unwrap();
        assert_eq!(elsewhere.import(export).await.unwrap().result().unwrap().unwrap(), json!("x"));
        let export = runtime.export(bad.id()).await.unwrap().unwrap();
        let replayed = elsewhere.import(export).await.unwrap();
        assert_eq!(replayed.result().unwrap().unwrap_err(), failure);
        elsewhere.advance(seconds(100));
        assert_eq!((trace.lines().len(), replayed.state()), (0, JobState::Failed));
    }

    #[tokio::test]
    async fn what_is_no_journal_is_refused() {
        let (runtime, _) = traced();
        let job = runtime.submit(Slow { name: text("x") }).await.unwrap();
        runtime.advance(seconds(15));
        let export = runtime.export(job.id()).await.unwrap().unwrap();
        let (elsewhere, whole) = (traced().0, serde_json::to_value(&export).unwrap());
        let refused = async |runtime: &TestRuntime, change: &dyn Fn(&mut serde_json::Value)| {
            let mut changed = whole.clone();
            change(&mut changed);
            match changed.to_string().parse::<Export>() {
                Ok(export) => runtime.import(export).await.expect_err("it is refused").to_string(),
                Err(error) => error.to_string(),
            }
        };
        assert!("nonsense".parse::<Export>().is_err());
        let said = "a journal begins with what was submitted, and nothing else does";
        assert!(refused(&elsewhere, &|export| export["lines"] = json!([])).await.contains(said));
        let lines =
            |export: &mut serde_json::Value, at| drop(export["lines"].as_array_mut().unwrap().remove(at));
        assert!(refused(&elsewhere, &|export| lines(export, 0)).await.contains(said));
        let error = refused(&elsewhere, &|export| lines(export, 2)).await;
        assert!(error.contains("task 0 is `Queued` and cannot become `Succeeded`"), "{error}");
        let error = refused(&elsewhere, &|export| export["export"] = json!(99)).await;
        assert!(error.contains("exported in form 99"), "{error}");
        let error = refused(&elsewhere, &|export| export["head"]["state"] = json!("failed")).await;
        assert!(error.contains("its head says Failed, and its journal does not"), "{error}");
        let other = "019ac5c4-6f3a-7000-8000-000000000001";
        let error = refused(&elsewhere, &|export| export["head"]["id"] = json!(other)).await;
        assert!(error.contains("its head is of job 019ac5c4"), "{error}");
        let error = runtime.import(export.clone()).await.unwrap_err();
        assert!(matches!(error, ImportError::Taken(_)), "{error}");
        let registry = Registry::builder().agent::<add>().build().unwrap();
        let small = TestRuntime::of(Runtime::builder().registry(registry).state(Trace::default()));
        let error = small.import(export).await.unwrap_err().to_string();
        assert!(error.contains("there is no `Slow` in this program"), "{error}");
        assert_eq!((elsewhere.jobs(&JobFilter::new()).len(), small.jobs(&JobFilter::new()).len()), (0, 0));
    }

    #[tokio::test]
    async fn a_crash_stops_all_and_a_restart_goes_on() {
        let (runtime, trace) = traced();
        runtime.crash_after(3);
        assert!(!runtime.has_crashed());
        let job = runtime.submit(Slow { name: text("x") }).await.unwrap();
        runtime.advance(seconds(100));
        assert!(runtime.has_crashed());
        assert_eq!(job.journal().len(), 1 + 3, "what was submitted, and three more");
        let runtime = runtime.restart();
        assert!(!runtime.has_crashed());
        assert_eq!(runtime.elapsed(), Duration::ZERO);
        assert_eq!(runtime.job(job.id()).unwrap().await.unwrap(), json!("x!"));
        assert_eq!(trace.lines().len(), 2);
    }

    #[tokio::test]
    async fn what_was_asked_for_is_asked_for_after_a_restart() {
        let (runtime, trace) = traced();
        let later = runtime.submit(work::with(text("later"), 1)).delay("1h").unique("key").tag("t");
        let later = later.queue("mail").priority(Priority::High).await.unwrap();
        let short = runtime.submit(work::with(text("short"), 10_000)).deadline("2h").await.unwrap();
        let tried = runtime.submit(stumble::with(text("tried"))).await.unwrap();
        let paused = runtime.submit(Slow { name: text("paused") }).await.unwrap();
        runtime.advance(Duration::from_millis(500));
        paused.pause().await;
        runtime.run_until_idle();
        let runtime = runtime.restart();
        assert_eq!(runtime.now(), START + Duration::from_millis(500));
        let status = runtime.job(later.id()).unwrap().status();
        let expected = (JobState::Scheduled, "mail", Some(Priority::High), 1);
        assert_eq!((status.state, &*status.queue, status.priority, status.tags.len()), expected);
        let double = runtime.submit(work::with(text("double"), 1)).unique("key").await.unwrap_err();
        assert!(matches!(double, workflow_runtime::SubmitError::Duplicate { .. }), "{double}");
        runtime.advance(seconds(4000));
        // What was to be tried again after a second is, and what was to begin after an hour does.
        let mut lines = trace.lines();
        lines.retain(|line| !line.contains("short") && !line.starts_with("0 "));
        let expected = [
            format!("1 +{}/stumble", tried.id()),
            format!("3 +{}/stumble", tried.id()),
            format!("3600 +{}/work", later.id()),
        ];
        assert_eq!(lines, expected);
        assert_eq!(runtime.job(paused.id()).unwrap().state(), JobState::Paused);
        runtime.job(paused.id()).unwrap().resume().await;
        runtime.advance(seconds(10_000));
        assert_eq!(runtime.job(short.id()).unwrap().state(), JobState::Expired);
        assert_eq!(runtime.job(paused.id()).unwrap().await.unwrap(), json!("paused!"));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn an_attempt_that_was_running_runs_again_with_the_same_key() {
        let (runtime, trace) = traced();
        let job = runtime.submit(work::with(text("x"), 10)).await.unwrap();
        runtime.advance(seconds(5));
        let runtime = runtime.restart();
        let again = runtime.job(job.id()).unwrap();
        assert_eq!(again.outcome().await.unwrap(), json!("x"));
        let key = format!("{}/work", job.id());
        assert_eq!(trace.lines(), [format!("0 +{key}"), format!("5 +{key}")]);
        assert_eq!(again.tasks()[0].attempts, 2);
        assert_eq!(again.tasks()[0].state, TaskState::Succeeded);
    }
}

mod crashes {
    use super::*;

    workflow! {
        pub workflow Everything(names: Vec<String>, bad: String) -> String {
            phase one {
                #[undo(take_back)]
                a = work(text("a"), 2);
                #[undo(take_back)]
                b = stumble(text("b"));
                #[optional]
                lost = work(text("bad"), 1);
                #[or(stumble_instead)]
                fell = work(text("bad"), 3);
            }
            phase two {
                if a.len() == 1 {
                    then = work(format!("{a}{b}"), 1);
                } else {
                    work(text("never"), 1);
                }
                #[concurrency(2)]
                all = for name in names {
                    #[undo(take_back(text("stuck")))]
                    first = stumble(name);
                    work(first, 1)
                };
                grown = repeat n = 1 while *n < 5 max 9 { add(*n, *n) };
            }
            phase three {
                sleep("10m");
                said = signal::<String>("say");
                apart = spread(text("apart"));
            }
            phase four { #[undo(take_back)] last = work(bad, 1); #[after(last)] end = work(text("end"), 1); }
            format!("{lost:?} {fell} {then:?} {all:?} {grown} {said} {apart} {last} {end}")
        }
    }

    #[task_agent]
    async fn stumble_instead(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, format!("+{}", ctx.idempotency_key()));
        ctx.sleep(seconds(time)).await;
        format!("instead of {name}")
    }

    async fn everything(bad: &str) -> Vec<String> {
        sweep(traced, async |runtime: &TestRuntime| {
            let names = vec![text("x"), text("y"), text("z")];
            let job = runtime.submit(Everything { names, bad: text(bad) }).await.expect("it is taken in");
            job.signal("say", "hello").await.expect("it is awaited");
            job.id()
        })
        .await
    }

    #[tokio::test]
    async fn whatever_instant_a_process_ends_at_its_jobs_end_as_if_nothing_had_happened() {
        let (runtime, _) = traced();
        let given = stumble_instead::with(text("x"), 1);
        assert_eq!(runtime.run(given).await.unwrap(), "instead of x");
        assert_eq!(everything("good").await, [""; 0]);
    }

    #[tokio::test]
    async fn what_fails_is_taken_back_whatever_instant_a_process_ends_at() {
        assert_eq!(everything("bad").await, [""; 0]);
    }

    #[task_agent]
    async fn plans(depth: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<u64, AgentError> {
        trace.note(ctx, format!("+{}", ctx.idempotency_key()));
        if depth > 0 {
            let next = ctx.spawn(plans::with(depth - 1)).key(format!("plan {depth}")).of_job().await?;
            let last = ctx.spawn(work::with(format!("{depth}"), 1)).after(next.task());
            last.key(format!("work {depth}")).of_job().await?;
        }
        Ok(depth)
    }

    #[tokio::test]
    async fn jobs_put_together_in_code_go_on_too() {
        let problems = sweep(traced, async |runtime: &TestRuntime| {
            let mut dag = Dag::new("planned");
            let plan = dag.call(plans::with(2));
            let bad = dag.task::<work>((text("bad"), 1));
            dag.optional(bad);
            let hard = dag.task::<work>((text("hard"), 1));
            dag.after(hard, bad);
            let soft = dag.task::<stumble>(text("soft"));
            dag.after_any(soft, bad);
            dag.options(soft, Options::new().retry(Retry::new(9).first(seconds(5))));
            let spread = dag.task::<spread>(soft);
            dag.after(spread, plan);
            runtime.submit(dag.giving(spread)).await.expect("it is taken in").id()
        })
        .await;
        assert_eq!(problems, [""; 0]);
    }

    #[tokio::test]
    async fn a_process_may_end_again_and_again() {
        let (first, trace) = trace::traced_of(Runtime::builder().deaths(1000));
        let names = vec![text("x"), text("y")];
        let job = first.submit(Everything { names, bad: text("good") }).await.unwrap();
        job.signal("say", "hello").await.unwrap();
        let mut runtime = first;
        let mut crashes = 0;
        // Some records each time only say what was lost and runs again.
        loop {
            runtime.crash_after(11);
            runtime.advance(seconds(100_000));
            if !runtime.has_crashed() {
                break;
            }
            crashes += 1;
            assert!(crashes < 100, "it never ends");
            runtime = runtime.restart();
        }
        let said = runtime.job(job.id()).unwrap().await.unwrap();
        let expected =
            "None instead of bad Some(\"ab\") [\"x\", \"y\"] 8 hello apart 1 apart 2 true good end";
        assert_eq!(said, json!(expected));
        assert!(crashes > 5 && trace.lines().len() > 20, "{crashes} crashes");
        runtime.check_journals().unwrap();
    }
}
