//! Every form of the language, run: what starts when, what is skipped, what is taken back.

use workflow_tests::trace;

use std::time::Duration;

use serde_json::json;
use trace::{Trace, seconds, traced, traced_of};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{FailureKind, JobFilter, JobHandle, JobState, RunError, TaskState};

/// Works for so many seconds, and fails for good if its name begins with `bad`.
#[task_agent]
async fn work(name: String, time: u64, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{name}"));
    ctx.sleep(seconds(time)).await;
    if name.starts_with("bad") {
        trace.note(ctx, format!("!{name}"));
        return Err(AgentError::permanent(format!("{name} cannot be done")));
    }
    trace.note(ctx, format!("-{name}"));
    Ok(name)
}

/// Works until it is told to stop.
#[task_agent]
async fn linger(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<String, AgentError> {
    trace.note(ctx, format!("+{name}"));
    ctx.cancelled().await;
    trace.note(ctx, format!("told {name}"));
    Err(AgentError::retry("told to stop"))
}

#[task_agent]
async fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Takes a step back; a name that holds `stuck` cannot be.
#[task_agent]
async fn take_back(name: String, ctx: &TaskContext, trace: State<Trace>) -> Result<(), AgentError> {
    trace.note(ctx, format!("undo {name} #{}", ctx.attempt()));
    if name.contains("stuck") { Err(AgentError::retry(format!("{name} is stuck"))) } else { Ok(()) }
}

/// The states of all tasks, by their paths.
fn states<T>(job: &JobHandle<T>) -> Vec<String> {
    job.tasks().iter().map(|task| format!("{} {}", task.path, task.state)).collect()
}

fn failure(error: RunError) -> workflow_runtime::Failure {
    match error {
        RunError::Failed(failure) => failure,
        other => panic!("{other}"),
    }
}

/// The only child of a job.
fn child_of<T>(runtime: &TestRuntime, job: &JobHandle<T>) -> workflow_runtime::JobStatus {
    let mut children = runtime.jobs(&JobFilter::new().parent(job.id()));
    assert_eq!(children.len(), 1, "{children:?}");
    children.remove(0)
}

mod phases {
    use super::*;

    workflow! {
        pub workflow Phases() -> String {
            phase first {
                a = work("a".to_owned(), 3);
                b = work("b".to_owned(), 1);
            }
            phase second {
                c = work(format!("{a}{b}"), 2);
                d = work(format!("after {c}"), 1);
                e = work("e".to_owned(), 1);
            }
            format!("{d}, {e}")
        }
    }

    #[tokio::test]
    async fn steps_of_a_phase_run_beside_each_other_and_phases_one_after_the_other() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(Phases {}).await.unwrap(), "after ab, e");
        let expected =
            ["0 +a", "0 +b", "1 -b", "3 -a", "3 +ab", "3 +e", "4 -e", "5 -ab", "5 +after ab", "6 -after ab"];
        assert_eq!(trace.lines(), expected);
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Ordered() -> String {
            phase only {
                slow = work("slow".to_owned(), 2);
                #[after(slow)]
                work("last".to_owned(), 1);
                beside = work("beside".to_owned(), 1);
            }
            beside
        }
    }

    #[tokio::test]
    async fn after_orders_without_data() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Ordered {}).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "beside");
        let expected = ["0 +slow", "0 +beside", "1 -beside", "2 -slow", "2 +last", "3 -last"];
        assert_eq!(trace.lines(), expected);
    }

    workflow! {
        pub workflow Breaks() -> String {
            phase first {
                ok = work("ok".to_owned(), 1);
                work("bad".to_owned(), 2);
                linger("long".to_owned());
                later = work(format!("{ok} later"), 10);
                last = work(format!("{later} never"), 1);
            }
            phase second { never = work("never".to_owned(), 1); }
            format!("{last}{never}")
        }
    }

    #[tokio::test]
    async fn when_a_step_fails_for_good_the_others_are_told_to_stop_and_no_phase_follows() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Breaks {}).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Error, "bad cannot be done"));
        assert_eq!((failure.job, failure.attempt), (Some(job.id()), 1));
        assert_eq!(job.state(), JobState::Failed);
        // What does not listen is dropped when the grace time is over, so `later` never says that it is done.
        let expected = ["0 +ok", "0 +bad", "0 +long", "1 -ok", "1 +ok later", "2 !bad", "2 told long"];
        assert_eq!(trace.lines(), expected);
        assert_eq!(runtime.elapsed(), seconds(2 + 5));
        let states: Vec<TaskState> = job.tasks().iter().map(|task| task.state).collect();
        use TaskState::{Cancelled, Failed, Skipped, Succeeded};
        assert_eq!(states, [Succeeded, Failed, Cancelled, Cancelled, Skipped]);
        runtime.check_journals().unwrap();
    }
}

mod conditions {
    use super::*;

    workflow! {
        pub workflow Sized(n: i64) -> String {
            phase choose {
                if *n > 100 {
                    big = work("big".to_owned(), 1);
                    said = work(format!("{big} one"), 1);
                } else if *n > 10 {
                    said = work("middle".to_owned(), 1);
                } else {
                    said = work("small".to_owned(), 1);
                }
            }
            format!("{said} {}", big.is_some())
        }
    }

    #[tokio::test]
    async fn one_arm_runs_and_the_other_is_skipped_where_one_can_see_it() {
        for (n, said, ran) in [
            (101, "big one true", vec!["0 +big", "1 -big", "1 +big one", "2 -big one"]),
            (11, "middle false", vec!["0 +middle", "1 -middle"]),
            (10, "small false", vec!["0 +small", "1 -small"]),
        ] {
            let (runtime, trace) = traced();
            let job = runtime.submit(Sized { n }).await.unwrap();
            assert_eq!(job.outcome().await.unwrap(), said);
            assert_eq!(trace.lines(), ran);
            let skipped = job.tasks().iter().filter(|task| task.state == TaskState::Skipped).count();
            // The outer `else` holds one statement, the inner `if`, whose arms are not looked at if it is skipped.
            assert_eq!(skipped, if n > 100 { 1 } else { 3 }, "{n}: {:?}", states(&job));
            assert!(job.tasks().iter().all(|task| task.phase.as_deref() == Some("choose")));
            let attempts: u32 = job.tasks().iter().map(|task| task.attempts).sum();
            assert_eq!(attempts, if n > 100 { 2 } else { 1 });
            runtime.check_journals().unwrap();
        }
    }

    workflow! {
        pub workflow Maybe(n: i64) -> i64 {
            phase only {
                if *n > 0 { more = add(*n, 1); }
            }
            more.unwrap_or(-1)
        }
    }

    #[tokio::test]
    async fn without_an_else_nothing_happens() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Maybe { n: 1 }).await.unwrap(), 2);
        let job = runtime.submit(Maybe { n: 0 }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), -1);
        let states: Vec<TaskState> = job.tasks().iter().map(|task| task.state).collect();
        assert_eq!(states, [TaskState::Succeeded, TaskState::Skipped]);
    }

    workflow! {
        pub workflow Divides(n: i64) -> i64 {
            phase only {
                if 10 / *n > 0 { more = add(*n, 1); }
            }
            more.unwrap_or(-1)
        }
    }

    #[tokio::test]
    async fn a_condition_that_panics_fails_its_step() {
        let (runtime, _) = traced();
        let job = runtime.submit(Divides { n: 0 }).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::Panic);
        assert!(failure.message.contains("attempt to divide by zero"), "{failure}");
        assert!(failure.message.contains("control_flow.rs:"), "{failure}");
        assert_eq!((failure.job, failure.step.is_empty()), (Some(job.id()), false));
        assert_eq!(runtime.run(Divides { n: 2 }).await.unwrap(), 3);
    }
}

mod arguments {
    use super::*;

    workflow! {
        pub workflow Argument(n: i64) -> i64 {
            phase only {
                #[optional]
                most = add(100 / *n, 1);
                least = add(*n, 1);
            }
            most.unwrap_or(0) + least
        }
    }

    workflow! {
        pub workflow Gives(n: i64) -> i64 {
            phase only { more = add(*n, 1); }
            100 / more
        }
    }

    #[tokio::test]
    async fn a_panic_in_an_argument_is_the_failure_of_its_step() {
        let (runtime, _) = traced();
        let job = runtime.submit(Argument { n: 0 }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), 1);
        assert_eq!(states(&job), ["most Failed", "least Succeeded"]);
        assert_eq!(runtime.run(Argument { n: 10 }).await.unwrap(), 22);
    }

    #[tokio::test]
    async fn a_panic_in_the_result_is_the_failure_of_the_job() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Gives { n: 1 }).await.unwrap(), 50);
        let failure = failure(runtime.run(Gives { n: -1 }).await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::Panic);
        assert!(failure.message.contains("attempt to divide by zero"), "{failure}");
    }
}

mod loops {
    use super::*;

    workflow! {
        pub workflow Each(times: Vec<u64>) -> Vec<String> {
            phase only {
                done = for time in times { work(format!("{time}"), *time) };
            }
            done
        }
    }

    #[tokio::test]
    async fn elements_run_beside_each_other_and_keep_their_order() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Each { times: vec![3, 1, 2] }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), ["3", "1", "2"]);
        assert_eq!(trace.lines(), ["0 +3", "0 +1", "0 +2", "1 -1", "2 -2", "3 -3"]);
        let expected =
            ["done Succeeded", "done[0]/work Succeeded", "done[1]/work Succeeded", "done[2]/work Succeeded"];
        assert_eq!(states(&job), expected);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn no_elements_are_an_empty_list() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Each { times: Vec::new() }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), Vec::<String>::new());
        assert_eq!((states(&job), trace.lines().len()), (vec!["done Succeeded".to_owned()], 0));
    }

    workflow! {
        pub workflow Bounded(times: Vec<u64>) -> Vec<String> {
            phase only {
                #[concurrency(2)]
                done = for time in times {
                    started = work(format!("a{time}"), *time);
                    work(format!("b{started}"), *time)
                };
            }
            done
        }
    }

    #[tokio::test]
    async fn so_many_elements_are_at_work_at_once_as_is_said() {
        let (runtime, trace) = traced();
        let done = runtime.run(Bounded { times: vec![4, 1, 2, 3, 5] }).await.unwrap();
        assert_eq!(done, ["ba4", "ba1", "ba2", "ba3", "ba5"]);
        let lines = trace.lines();
        let (mut now, mut most) = (0_i32, 0);
        for line in &lines {
            now += if line.contains('+') { 1 } else { -1 };
            most = most.max(now);
        }
        assert_eq!(most, 2);
        // An element is a line of its own: the next begins when the whole of it is done.
        let starts: Vec<&String> = lines.iter().filter(|line| line.contains("+a")).collect();
        assert_eq!(starts, ["0 +a4", "0 +a1", "2 +a2", "6 +a3", "8 +a5"]);
        assert_eq!(runtime.elapsed(), seconds(18));
    }

    workflow! {
        pub workflow Fails(names: Vec<String>) -> Vec<String> {
            phase only {
                #[concurrency(3)]
                done = for name in names { work(name, name.len() as u64) };
            }
            done
        }
    }

    workflow! {
        pub workflow MayFail(names: Vec<String>) -> Option<Vec<String>> {
            phase only {
                #[optional]
                done = for name in names { work(name, name.len() as u64) };
                beside = work("beside".to_owned(), 20);
            }
            done.clone().filter(|_| !beside.is_empty())
        }
    }

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(|name| (*name).to_owned()).collect()
    }

    #[tokio::test]
    async fn an_element_that_fails_ends_the_loop() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Fails { names: names(&["aa", "bad", "ccccccccccc", "d"]) }).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!(failure.step, "done[1]/work");
        assert_eq!(failure.message, "bad cannot be done");
        assert_eq!(trace.lines(), ["0 +aa", "0 +bad", "0 +ccccccccccc", "2 -aa", "2 +d", "3 !bad", "3 -d"]);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn an_optional_loop_that_fails_gives_nothing_and_stops_what_is_in_it() {
        let (runtime, trace) = traced();
        let job = runtime.submit(MayFail { names: names(&["bad", "cccccccccccc"]) }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), None);
        let expected = ["0 +beside", "0 +bad", "0 +cccccccccccc", "3 !bad", "20 -beside"];
        assert_eq!(trace.lines(), expected);
        let expected = ["done Failed", "beside Succeeded", "done[0]/work Failed", "done[1]/work Cancelled"];
        assert_eq!(states(&job), expected);
        assert_eq!(job.state(), JobState::Succeeded);
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Climb(from: i64) -> i64 {
            phase only {
                top = repeat at = *from while *at < 10 max 3 { add(*at, 3) };
            }
            *top
        }
    }

    #[tokio::test]
    async fn a_repeat_goes_on_while_its_condition_holds_and_no_more_often_than_its_bound() {
        let (runtime, _) = traced();
        for (from, to, rounds) in [(10, 10, 0), (9, 12, 1), (4, 10, 2), (1, 10, 3), (0, 9, 3), (-9, 0, 3)] {
            let job = runtime.submit(Climb { from }).await.unwrap();
            assert_eq!(job.outcome().await.unwrap(), to, "from {from}");
            assert_eq!(job.tasks().len(), 1 + rounds, "from {from}: {:?}", states(&job));
        }
        let job = runtime.submit(Climb { from: 4 }).await.unwrap();
        job.outcome().await.unwrap();
        assert_eq!(states(&job), ["top Succeeded", "top[0]/add Succeeded", "top[1]/add Succeeded"]);
    }

    workflow! {
        pub workflow Nested(rows: Vec<Vec<i64>>) -> Vec<i64> {
            phase only {
                sums = for row in rows {
                    more = for cell in row.clone() {
                        grown = repeat cell while *cell < 10 max 2 { add(*cell, *cell) };
                        add(grown, 1)
                    };
                    add(more.iter().sum::<i64>(), more.len() as i64)
                };
            }
            sums
        }
    }

    #[tokio::test]
    async fn loops_nest() {
        let (runtime, _) = traced();
        let rows = vec![vec![1, 20], vec![], vec![6]];
        // 1 → 2 → 4, and one more each; and how many there are.
        assert_eq!(runtime.run(Nested { rows }).await.unwrap(), [5 + 21 + 2, 0, 13 + 1]);
        runtime.check_journals().unwrap();
    }
}

mod children {
    use super::*;

    workflow! {
        pub workflow Child(name: String) -> String {
            phase only { done = work(name, 2); }
            done
        }
    }

    workflow! {
        pub workflow Parent(name: String) -> String {
            phase first { one = Child(name); }
            phase second { two = Child(format!("{one}!")); }
            two
        }
    }

    #[tokio::test]
    async fn a_child_is_a_job_of_its_own() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Parent { name: "x".to_owned() }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "x!");
        assert_eq!(trace.lines(), ["0 +x", "2 -x", "2 +x!", "4 -x!"]);
        let children = runtime.jobs(&JobFilter::new().parent(job.id()));
        assert_eq!(children.len(), 2);
        for (task, child) in (0..).zip(&children) {
            assert_eq!((&*child.name, child.state), ("Child", JobState::Succeeded));
            let parent = child.parent.unwrap();
            assert_eq!((parent.job, parent.task, parent.depth), (job.id(), task, 1));
        }
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_child_that_fails_fails_its_parent_and_the_failure_names_the_child() {
        let (runtime, _) = traced();
        let job = runtime.submit(Parent { name: "bad".to_owned() }).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        let child = child_of(&runtime, &job);
        assert_eq!((failure.job, failure.step.as_str()), (Some(child.id), "done"));
        assert_eq!(failure.message, "bad cannot be done");
        assert_eq!((child.state, job.state()), (JobState::Failed, JobState::Failed));
        assert_eq!(states(&job), ["one Failed"]);
    }

    workflow! {
        pub workflow Bottom() -> String {
            phase only { done = linger("bottom".to_owned()); }
            done
        }
    }

    workflow! {
        pub workflow Middle() -> String {
            phase only { done = Bottom(); }
            done
        }
    }

    workflow! {
        pub workflow Top() -> String {
            phase only { done = Middle(); }
            done
        }
    }

    #[tokio::test]
    async fn to_cancel_a_job_cancels_its_children_and_theirs() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Top {}).await.unwrap();
        runtime.run_until_idle();
        assert!(job.cancel("enough").await);
        runtime.run_until_idle();
        assert_eq!(trace.lines(), ["0 +bottom", "0 told bottom"]);
        let all: Vec<(String, JobState, String)> = runtime
            .jobs(&JobFilter::new())
            .into_iter()
            .map(|job| (job.name.to_string(), job.state, job.failure.unwrap().message))
            .collect();
        let expected = ["Top", "Middle", "Bottom"]
            .map(|name| (name.to_owned(), JobState::Cancelled, "enough".to_owned()));
        assert_eq!(all, expected);
        assert!(job.outcome().await.unwrap_err().is_cancelled());
        assert!(!job.cancel("again").await, "it was over");
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Spares() -> bool {
            phase only { #[optional] #[retry(5)] done = Bottom(); }
            done.is_some()
        }
    }

    #[tokio::test]
    async fn a_child_that_is_cancelled_by_itself_has_failed_for_its_parent() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Top {}).await.unwrap();
        let spares = runtime.submit(Spares {}).await.unwrap();
        runtime.run_until_idle();
        for bottom in runtime.jobs(&JobFilter::new().name("Bottom")) {
            assert!(runtime.cancel(bottom.id, "enough").await);
        }
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Error, "enough"));
        let middle = child_of(&runtime, &job);
        assert_eq!([middle.state, job.state()], [JobState::Failed, JobState::Failed]);
        assert!(!spares.await.unwrap(), "it is done without, and not tried again");
        assert_eq!(trace.lines().len(), 4);
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Copes(name: String) -> String {
            phase only {
                #[or(instead)]
                #[retry(max = 1, first = "10s")]
                one = Child(name);
                #[optional]
                two = Child("bad two".to_owned());
            }
            format!("{one} {}", two.is_some())
        }
    }

    #[task_agent]
    async fn instead(child: Child, ctx: &TaskContext, trace: State<Trace>) -> String {
        trace.note(ctx, format!("instead of {}", child.name));
        child.name
    }

    #[tokio::test]
    async fn a_child_is_tried_again_replaced_or_done_without_like_a_step() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Copes { name: "bad".to_owned() }).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "bad false");
        let expected =
            ["0 +bad", "0 +bad two", "2 !bad", "2 !bad two", "12 +bad", "14 !bad", "14 instead of bad"];
        assert_eq!(trace.lines(), expected);
    }

    #[tokio::test]
    async fn what_stands_in_for_a_child_takes_its_input() {
        let (runtime, _) = traced();
        let child = Child { name: "x".to_owned() };
        assert_eq!(runtime.run(instead::with(child)).await.unwrap(), "x");
    }

    workflow! {
        pub workflow Down(n: u64) -> u64 {
            phase only {
                if *n > 0 { below = Down(*n - 1); }
            }
            below.map_or(0, |below| below + 1)
        }
    }

    #[tokio::test]
    async fn children_stand_deep() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(Down { n: 2000 }).await.unwrap(), 2000);
        assert_eq!(runtime.elapsed(), Duration::ZERO);
    }

    #[tokio::test]
    async fn children_stand_so_deep_and_no_deeper() {
        let (runtime, _) = traced();
        let failure = failure(runtime.run(Down { n: 20_000 }).await.unwrap_err());
        assert_eq!(failure.kind, FailureKind::Unrunnable);
        let expected = "there are 10000 jobs above it already; a workflow that calls itself must end";
        assert_eq!(failure.message, expected);
    }
}

mod waiting {
    use super::*;

    workflow! {
        pub workflow Naps(more: u64) {
            phase one { sleep("10m"); }
            phase two {
                again = sleep(seconds(*more));
                work("awake".to_owned(), 0);
            }
            phase three {
                late = work("late".to_owned(), 0);
                #[after(again)]
                take_back(late);
            }
        }
    }

    #[tokio::test]
    async fn timers_run_on_the_runtimes_clock() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Naps { more: 7 }).await.unwrap();
        runtime.run_until_idle();
        assert_eq!(job.tasks()[0].state, TaskState::Waiting);
        runtime.advance(seconds(599));
        assert_eq!((job.tasks()[0].state, trace.lines().len()), (TaskState::Waiting, 0));
        runtime.advance(seconds(1));
        assert_eq!(trace.lines(), ["600 +awake", "600 -awake"]);
        job.outcome().await.unwrap();
        assert_eq!(trace.lines()[2..], ["607 +late", "607 -late", "607 undo late #1"]);
    }

    #[data]
    struct Approval {
        by: String,
        #[schemars(range(max = 100))]
        cents: u32,
    }

    workflow! {
        pub workflow Approved() -> String {
            phase before { work("before".to_owned(), 5); }
            phase ask {
                #[timeout("1h")]
                approval = signal::<Approval>("approve");
            }
            phase then { done = work(format!("by {}", approval.by), 0); }
            done
        }
    }

    fn by(name: &str) -> serde_json::Value {
        json!({"by": name, "cents": 100})
    }

    #[tokio::test]
    async fn an_event_is_awaited() {
        let (runtime, _) = traced();
        let job = runtime.submit(Approved {}).await.unwrap();
        runtime.advance(seconds(6));
        assert_eq!(states(&job), ["work Succeeded", "approval Waiting"]);
        job.signal("approve", by("Ada")).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "by Ada");
        assert_eq!(runtime.elapsed(), seconds(6));
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn an_event_may_come_before_it_is_awaited_and_before_the_job_begins() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Approved {}).delay("10s").await.unwrap();
        job.signal("approve", by("Ada")).await.unwrap();
        assert_eq!(job.state(), JobState::Scheduled);
        assert_eq!(job.outcome().await.unwrap(), "by Ada");
        assert_eq!(trace.lines(), ["10 +before", "15 -before", "15 +by Ada", "15 -by Ada"]);
        let job = runtime.submit(Approved {}).await.unwrap();
        runtime.advance(seconds(1));
        job.signal("approve", by("Bob")).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "by Bob");
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn an_event_that_comes_too_late_is_refused() {
        let (runtime, _) = traced();
        let job = runtime.submit(Approved {}).await.unwrap();
        job.signal("approve", by("Ada")).await.unwrap();
        job.outcome().await.unwrap();
        let failure = job.signal("approve", by("Bob")).await.unwrap_err();
        assert_eq!((failure.message.as_str(), failure.job), ("the job is over", Some(job.id())));
    }

    #[tokio::test]
    async fn an_event_that_nobody_awaits_is_refused_and_the_nearest_told() {
        let (runtime, _) = traced();
        let job = runtime.submit(Approved {}).await.unwrap();
        let failure = job.signal("aprove", by("Ada")).await.unwrap_err();
        assert_eq!(failure.kind, FailureKind::BadInput);
        assert_eq!(failure.message, "`Approved` awaits no event `aprove`; did you mean `approve`?");
        let agent = runtime.submit(work::with("w".to_owned(), 1)).await.unwrap();
        let failure = agent.signal("approve", by("Ada")).await.unwrap_err();
        assert_eq!(failure.message, "the job awaits no event `approve`: only workflows do");
    }

    #[tokio::test]
    async fn an_event_of_another_shape_is_refused_and_the_right_one_still_awaited() {
        let (runtime, _) = traced();
        let job = runtime.submit(Approved {}).await.unwrap();
        runtime.advance(seconds(6));
        for wrong in [json!({"by": 7, "cents": 1}), json!("Ada"), json!({"by": "Ada", "cents": 101})] {
            let failure = job.signal("approve", &wrong).await.unwrap_err();
            assert_eq!(failure.kind, FailureKind::BadInput);
            assert!(failure.message.starts_with("the value of `approve` is not right: "), "{failure}");
            assert_eq!(states(&job)[1], "approval Waiting", "{wrong}");
        }
        job.signal("approve", by("Ada")).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "by Ada");
    }

    #[tokio::test]
    async fn an_event_that_does_not_come_in_time_fails_the_job() {
        let (runtime, _) = traced();
        let job = runtime.submit(Approved {}).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.step.as_str()), (FailureKind::TimedOut, "approval"));
        assert_eq!(runtime.elapsed(), seconds(5 + 3600));
        assert_eq!(states(&job)[1], "approval Failed");
    }

    workflow! {
        pub workflow Asks() -> String {
            phase ask {
                #[timeout("1m")] #[optional]
                first = signal::<i64>("number");
                second = signal::<i64>("number");
                third = signal::<String>("word");
            }
            format!("{first:?} {second} {third}")
        }
    }

    #[tokio::test]
    async fn events_reach_those_who_await_them_in_order_and_one_may_be_done_without() {
        let (runtime, _) = traced();
        let job = runtime.submit(Asks {}).await.unwrap();
        job.signal("word", "w").await.unwrap();
        job.signal("number", 1).await.unwrap();
        job.signal("number", 2).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "Some(1) 2 w");
        let job = runtime.submit(Asks {}).await.unwrap();
        runtime.advance(seconds(61));
        job.signal("number", 2).await.unwrap();
        job.signal("word", "w").await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "None 2 w");
    }
}

mod failing {
    use super::*;

    #[task_agent]
    async fn plan_b(
        name: String,
        time: u64,
        ctx: &TaskContext,
        trace: State<Trace>,
    ) -> Result<String, AgentError> {
        trace.note(ctx, format!("b {name} #{}", ctx.attempt()));
        if time == 0 { Err(AgentError::retry("plan b fails")) } else { Ok(format!("b {name}")) }
    }

    #[task_agent]
    async fn plan_c(name: String, time: u64) -> Result<String, AgentError> {
        if time == 0 { Err(AgentError::permanent("plan c fails")) } else { Ok(format!("c {name}")) }
    }

    workflow! {
        pub workflow Falls(name: String, time: u64) -> String {
            phase only {
                #[or(plan_b, plan_c)]
                #[retry(max = 2, first = "1s", factor = 1)]
                done = work(name, *time);
            }
            done
        }
    }

    #[tokio::test]
    async fn what_fails_for_good_falls_back_with_retries_of_its_own() {
        let (runtime, trace) = traced();
        let fell = Falls { name: "good".to_owned(), time: 1 };
        assert_eq!(runtime.run(fell).await.unwrap(), "good");
        let fell = Falls { name: "bad".to_owned(), time: 1 };
        assert_eq!(runtime.run(fell).await.unwrap(), "b bad");
        // Each callee has its own number of attempts; the numbers go on.
        let job = runtime.submit(Falls { name: "bad".to_owned(), time: 0 }).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.message.as_str(), failure.attempt), ("plan c fails", 5));
        let lines = trace.lines();
        assert_eq!(lines[5..], ["2 +bad", "2 !bad", "2 b bad #2", "3 b bad #3", "4 b bad #4"]);
        assert_eq!(job.tasks()[0].attempts, 5);
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Without() -> String {
            phase one {
                #[optional] #[or(plan_c)]
                lost = work("bad".to_owned(), 0);
                #[optional]
                kept = work("good".to_owned(), 0);
            }
            phase two { said = work(format!("{lost:?} {kept:?}"), 0); }
            said
        }
    }

    #[tokio::test]
    async fn what_stands_in_is_an_agent_like_any() {
        let (runtime, _) = traced();
        assert_eq!(runtime.run(plan_b::with("x".to_owned(), 1)).await.unwrap(), "b x");
        assert_eq!(runtime.run(plan_c::with("x".to_owned(), 1)).await.unwrap(), "c x");
    }

    #[tokio::test]
    async fn what_is_optional_is_an_option() {
        let (runtime, _) = traced();
        let job = runtime.submit(Without {}).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), "None Some(\"good\")");
        assert_eq!(states(&job), ["lost Failed", "kept Succeeded", "said Succeeded"]);
        assert_eq!(job.status().failure, None);
    }
}

mod undoing {
    use super::*;

    workflow! {
        pub workflow Saga(first: String, second: String, last: String) -> String {
            phase one {
                #[undo(take_back)]
                a = work(first, 2);
                #[undo(take_back(format!("{b} of {a}")))] #[after(a)]
                b = work(second, 1);
                work("not taken back".to_owned(), 0);
            }
            phase two {
                #[undo(take_back)]
                c = work("c".to_owned(), 0);
            }
            phase three { d = work(last, 0); }
            format!("{b}{c}{d}")
        }
    }

    fn saga(first: &str, second: &str, last: &str) -> Saga {
        Saga { first: first.to_owned(), second: second.to_owned(), last: last.to_owned() }
    }

    fn undone(trace: &Trace) -> Vec<String> {
        trace.lines().into_iter().filter(|line| line.contains("undo")).collect()
    }

    #[tokio::test]
    async fn nothing_is_taken_back_of_what_succeeds() {
        let (runtime, trace) = traced();
        assert_eq!(runtime.run(saga("a", "b", "d")).await.unwrap(), "bcd");
        assert_eq!(undone(&trace), [""; 0]);
    }

    #[tokio::test]
    async fn what_was_done_is_taken_back_in_reverse_order() {
        let (runtime, trace) = traced();
        let job = runtime.submit(saga("a", "b", "bad")).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.message.as_str(), failure.undo.len()), ("bad cannot be done", 0));
        assert_eq!(undone(&trace), ["3 undo c #1", "3 undo b of a #1", "3 undo a #1"]);
        let expected = [
            "a Compensated",
            "b Compensated",
            "work Succeeded",
            "c Compensated",
            "d Failed",
            "undo/c Succeeded",
            "undo/b Succeeded",
            "undo/a Succeeded",
        ];
        assert_eq!(states(&job), expected);
        assert_eq!(job.state(), JobState::Failed);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn what_was_not_done_is_not_taken_back() {
        let (runtime, trace) = traced();
        runtime.run(saga("a", "bad", "d")).await.unwrap_err();
        assert_eq!(undone(&trace), ["3 undo a #1"]);
    }

    #[tokio::test]
    async fn an_undo_that_fails_is_tried_again_then_reported_and_the_others_still_run() {
        let (runtime, trace) = traced();
        let job = runtime.submit(saga("a", "stuck", "bad")).await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        let expected = [
            "3 undo c #1",
            "3 undo stuck of a #1",
            "4 undo stuck of a #2",
            "6 undo stuck of a #3",
            "10 undo stuck of a #4",
            "10 undo a #1",
        ];
        assert_eq!(undone(&trace), expected);
        assert_eq!(failure.message, "bad cannot be done");
        let [undo] = &failure.undo[..] else { panic!("{failure:?}") };
        assert_eq!((undo.step.as_str(), undo.attempt), ("undo/b", 4));
        assert_eq!(undo.message, "stuck of a is stuck");
        assert!(failure.to_string().contains("; and it could not be taken back: "), "{failure}");
        let states = states(&job);
        assert!(states.contains(&"b Failed".to_owned()), "{states:?}");
        assert!(states.contains(&"a Compensated".to_owned()), "{states:?}");
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow Held() -> String {
            phase one {
                #[undo(take_back)]
                a = work("a".to_owned(), 1);
                #[undo(take_back)]
                b = work("b".to_owned(), 1);
            }
            phase two { done = linger(format!("{a}{b}")); }
            done
        }
    }

    #[tokio::test]
    async fn a_job_that_is_cancelled_is_taken_back_too() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Held {}).await.unwrap();
        runtime.advance(seconds(2));
        assert!(job.cancel("enough").await);
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, failure.message.as_str()), (FailureKind::Cancelled, "enough"));
        assert_eq!(job.state(), JobState::Cancelled);
        let lines = trace.lines();
        assert_eq!(lines[4..], ["1 +ab", "2 told ab", "2 undo b #1", "2 undo a #1"]);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_job_whose_deadline_passes_is_taken_back_too() {
        let (runtime, trace) = traced();
        let job = runtime.submit(Held {}).deadline("10s").await.unwrap();
        let failure = job.outcome().await.unwrap_err();
        assert_eq!((failure.kind, job.state()), (FailureKind::Expired, JobState::Expired));
        assert_eq!(undone(&trace), ["10 undo b #1", "10 undo a #1"]);
    }

    workflow! {
        pub workflow Loops(names: Vec<String>) -> Vec<String> {
            phase one {
                #[concurrency(1)]
                done = for name in names {
                    #[undo(take_back(format!("{made} of {name}")))]
                    made = work(name, 1);
                    work(made, 0)
                };
            }
            phase two { work("bad".to_owned(), 0); }
            done
        }
    }

    #[tokio::test]
    async fn what_was_done_in_a_loop_is_taken_back_with_its_own_values() {
        let (runtime, trace) = traced();
        let names = vec!["x".to_owned(), "y".to_owned()];
        runtime.run(Loops { names }).await.unwrap_err();
        assert_eq!(undone(&trace), ["2 undo y of y #1", "2 undo x of x #1"]);
        runtime.check_journals().unwrap();
    }

    workflow! {
        pub workflow ChildSaga() -> String {
            phase one {
                #[undo(take_back)]
                a = work("inner".to_owned(), 1);
            }
            phase two { done = linger(a); }
            done
        }
    }

    workflow! {
        pub workflow ParentSaga() -> String {
            phase one {
                #[undo(take_back)]
                a = work("outer".to_owned(), 1);
            }
            phase two {
                done = ChildSaga();
                work(format!("bad {a}"), 5);
            }
            done
        }
    }

    #[tokio::test]
    async fn a_child_takes_its_own_back_before_its_parent_does() {
        let (runtime, trace) = traced();
        let job = runtime.submit(ParentSaga {}).await.unwrap();
        assert_eq!(job.outcome().await.unwrap_err().message, "bad outer cannot be done");
        assert_eq!(undone(&trace), ["6 undo inner #1", "6 undo outer #1"]);
        assert_eq!(child_of(&runtime, &job).state, JobState::Cancelled);
        runtime.check_journals().unwrap();
    }

    #[tokio::test]
    async fn a_grace_time_of_ones_own_counts() {
        let (runtime, trace) = traced_of(Runtime::builder().grace(seconds(1)));
        let job = runtime.submit(work::with("deaf".to_owned(), 100)).await.unwrap();
        runtime.advance(seconds(10));
        job.cancel("enough").await;
        runtime.advance(Duration::from_millis(999));
        assert_eq!(job.state(), JobState::Stopping);
        runtime.advance(Duration::from_millis(1));
        assert_eq!((job.state(), trace.lines()), (JobState::Cancelled, vec!["0 +deaf".to_owned()]));
    }
}
