//! Programs that meet jobs of others: those that could have written a job's journal go on with it, the others park it
//! with a reason that names the step and the change; and what a deploy would park is told before it.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_runtime::prelude::*;
use workflow_runtime::store::{Filter, MemoryStore, SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    Dag, Export, FailureKind, ImportError, JobFilter, JobId, JobState, Registry, RegistryBuilder, RerunError,
    TaskState,
};
use workflow_tests::folder::Folder;
use workflow_tests::log::Log;
use workflow_tests::random::{self, Change, Rng, World, mix};

#[task_agent]
async fn plus(log: State<Log>, n: i64) -> i64 {
    log.add(format!("plus {n}"));
    n + 1
}

#[task_agent]
async fn twice(log: State<Log>, n: i64) -> i64 {
    log.add(format!("twice {n}"));
    n * 2
}

#[task_agent]
async fn nap(ctx: &TaskContext, log: State<Log>, n: i64) -> i64 {
    log.add(format!("nap {n} {}", ctx.attempt()));
    ctx.sleep(Duration::from_secs(60)).await;
    n
}

#[task_agent]
async fn fails(n: i64) -> Result<i64, AgentError> {
    Err(AgentError::permanent(format!("{n} is no number to go on with")))
}

#[task_agent]
async fn give_back(ctx: &TaskContext, log: State<Log>, n: i64) -> () {
    log.add(format!("give back {n}"));
    ctx.sleep(Duration::from_secs(60)).await;
}

/// Makes subtasks, one after the other, and waits for a while after the second.
#[task_agent]
async fn family(ctx: &TaskContext, n: i64) -> Result<i64, AgentError> {
    let first = ctx.spawn(plus::with(n)).await?;
    let second = ctx.spawn(twice::with(n)).after(first.task()).await?;
    let sum = first.join().await? + second.join().await?;
    let third = ctx.spawn(nap::with(sum)).await?;
    let fourth = ctx.spawn(plus::with(sum)).after(third.task()).await?;
    Ok(third.join().await? + fourth.join().await?)
}

fn agents() -> RegistryBuilder {
    let builder = Registry::builder().agent::<plus>().agent::<twice>().agent::<nap>().agent::<family>();
    builder.agent::<fails>().agent::<give_back>()
}

/// A program on a store. The one before it ends as if it had crashed.
fn program(store: &MemoryStore, registry: RegistryBuilder) -> (TestRuntime, Log) {
    let log = Log::default();
    let registry = registry.build().unwrap_or_else(|problems| panic!("{problems}"));
    let builder = Runtime::builder().registry(registry).state(log.clone());
    let runtime = TestRuntime::on(builder, 0, Arc::new(store.clone()));
    runtime.run_until_idle();
    (runtime, log)
}

/// Begins a job with one program, up to a moment, and ends that.
async fn begun(store: &MemoryStore, registry: RegistryBuilder, name: &str, input: Json) -> JobId {
    let (runtime, _) = program(store, registry);
    let job = runtime.submit_json(name, input).await.expect("it is taken in").id();
    runtime.advance(Duration::from_secs(10));
    job
}

fn reason(runtime: &TestRuntime, job: JobId) -> String {
    let parked = runtime.parked();
    let parked = parked.iter().find(|parked| parked.head.id == job);
    parked.map_or_else(|| "it is not parked".to_owned(), |parked| parked.reason.clone())
}

/// What became of a job: what it gave, or why it is parked.
async fn ending(runtime: &TestRuntime, job: JobId) -> Result<Json, String> {
    match runtime.job(job) {
        Some(handle) => Ok(handle.outcome().await.expect("it succeeds")),
        None => Err(reason(runtime, job)),
    }
}

/// One workflow, and what may become of it while its second step runs.
mod line {
    use super::*;

    pub(crate) mod first {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } phase three { z = twice(y); } *z } }
    }

    pub(crate) mod more_phases {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } phase three { z = twice(y); }
        phase four { more = plus(z); } *more } }
    }

    pub(crate) mod more_beside {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { w = twice(x); y = nap(x); }
        phase three { z = twice(y); } *z + *w } }
    }

    pub(crate) mod other_end {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } phase three { z = plus(*y + 1); } *z } }
    }

    pub(crate) mod shorter {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } *y } }
    }

    pub(crate) mod renamed_phases {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase eins { x = plus(n); } phase zwei { y = nap(x); } phase drei { z = twice(y); } *z } }
    }

    pub(crate) mod patient {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { #[timeout("1h")] #[retry(7)] x = plus(n); } phase two { #[queue("slow")] y = nap(x); }
        phase three { z = twice(y); } *z } }
    }

    pub(crate) mod more_before {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); w = twice(n); } phase two { y = nap(x); }
        phase three { z = twice(y); } *z + *w } }
    }

    pub(crate) mod other_callee {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = twice(n); } phase two { y = nap(x); } phase three { z = twice(y); } *z } }
    }

    pub(crate) mod other_running {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = plus(x); } phase three { z = twice(y); } *z } }
    }

    pub(crate) mod other_input {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(*n + 1); } phase two { y = nap(x); } phase three { z = twice(y); } *z } }
    }

    pub(crate) mod other_version {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { #[version(2)] x = plus(n); } phase two { y = nap(x); }
        phase three { z = twice(y); } *z } }
    }

    pub(crate) mod gone {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase three { z = twice(x); } *z } }
    }

    pub(crate) mod swapped {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase two { y = nap(n); } phase one { x = plus(n); } phase three { z = twice(y); } *z + *x } }
    }

    pub(crate) mod now_a_loop {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); }
        phase two { y = repeat m = *x while *m < 0 max 2 { nap(m) }; } phase three { z = twice(y); } *z } }
    }

    pub(crate) mod now_optional {
        use super::*;
        workflow! { pub(crate) workflow Line(n: i64) -> i64 { phase one { #[optional] x = plus(n); w = twice(n); } phase two { y = nap(x.unwrap_or(0)); }
        phase three { z = twice(y); } *z + *w } }
    }

    pub(crate) mod other_whole {
        use super::*;
        workflow! { #[version(3)] pub(crate) workflow Line(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } phase three { z = twice(y); } *z } }
    }
}

macro_rules! check_line {
    ($($version:ident => $expected:expr,)+) => {
        $({
            let store = MemoryStore::new();
            let job = begun(&store, agents().workflow::<line::first::Line>(), "Line", json!({ "n": 1 })).await;
            // What is told before a deploy is what happens.
            let registry = agents().workflow::<line::$version::Line>().build().unwrap();
            let foretold = registry.check(&store).unwrap();
            let (runtime, log) = program(&store, agents().workflow::<line::$version::Line>());
            let expected: Result<i64, &str> = $expected;
            let became = ending(&runtime, job).await;
            assert_eq!(became, expected.map(Json::from).map_err(str::to_owned), stringify!($version));
            let heads = runtime.history(JobFilter::new()).await.unwrap();
            match expected {
                Ok(_) => {
                    assert!(!log.take().iter().any(|line| line == "plus 1"), "it was done, and is done again");
                    assert!(foretold.parked.is_empty(), "{foretold}");
                }
                Err(reason) => {
                    assert_eq!(heads[0].parked.as_deref(), Some(reason), "lists say it, too");
                    assert_eq!(foretold.parked.iter().map(|job| job.reason()).collect::<Vec<_>>(), [reason]);
                    // The program that began it ends it as if nothing had happened.
                    let (old, log) = program(&store, agents().workflow::<line::first::Line>());
                    assert_eq!(ending(&old, job).await, Ok(json!(4)), stringify!($version));
                    assert_eq!(log.take(), ["nap 2 2", "twice 2"], stringify!($version));
                    assert_eq!(old.history(JobFilter::new()).await.unwrap()[0].parked, None);
                }
            }
        })+
    };
}

#[tokio::test]
async fn a_change_of_what_was_not_begun_is_no_hindrance() {
    check_line! {
        first => Ok(4),
        more_phases => Ok(5),
        more_beside => Ok(4 + 4),
        other_end => Ok(4),
        shorter => Ok(2),
        renamed_phases => Ok(4),
        patient => Ok(4),
    }
}

#[tokio::test]
async fn a_change_of_what_was_begun_parks_and_is_told() {
    check_line! {
        more_before => Err("step `y`: it had begun, and step `w` was added before it"),
        other_callee => Err("step `x`: it calls `twice` where it called `plus`"),
        other_running => Err("step `y`: it calls `plus` where it called `nap`"),
        other_input => Err("step `x`: it is called with `*n + 1` where it was with `n`"),
        other_version => Err("step `x`: `plus` is of version 2 where it had none"),
        gone => Err("step `y`: it is not in this program any more"),
        swapped => Err("step `x`: it had begun, and comes after step `y` now, which was not over"),
        now_a_loop => Err("step `y`: it is a `repeat` where it was a step"),
        now_optional => Err("step `x`: the job goes on without it where it did not"),
        other_whole => Err("`Line` is of version 3 where it had none"),
    }
}

#[tokio::test]
async fn a_job_that_has_not_begun_goes_on_in_any_program_that_takes_its_input() {
    let store = MemoryStore::new();
    let (first, _) = program(&store, agents().workflow::<line::first::Line>());
    let job = first.submit_json("Line", json!({ "n": 1 })).delay("1h").await.unwrap().id();
    drop(first);
    let (next, _) = program(&store, agents().workflow::<line::other_whole::Line>());
    assert_eq!(ending(&next, job).await, Ok(json!(4)));
    // From there on it is a job of that program.
    let facts: Vec<String> = next
        .fetch(job)
        .await
        .unwrap()
        .unwrap()
        .journal()
        .iter()
        .map(|record| serde_json::to_value(record).unwrap()["fact"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(facts[..3], ["submitted", "replanned", "begun"]);
}

#[tokio::test]
async fn a_job_of_three_programs_is_held_against_each() {
    let store = MemoryStore::new();
    let job = begun(&store, agents().workflow::<line::first::Line>(), "Line", json!({ "n": 1 })).await;
    let (second, _) = program(&store, agents().workflow::<line::more_beside::Line>());
    second.advance(Duration::from_secs(10));
    drop(second);
    // A step that the second has added and done is not in the first.
    let (old, _) = program(&store, agents().workflow::<line::first::Line>());
    assert_eq!(reason(&old, job), "step `w`: it is not in this program any more");
    drop(old);
    let (again, log) = program(&store, agents().workflow::<line::more_beside::Line>());
    assert_eq!(ending(&again, job).await, Ok(json!(8)));
    assert_eq!(log.take(), ["nap 2 3", "twice 2"]);
    again.check_journals().unwrap();
}

#[tokio::test]
async fn an_agent_that_is_a_job_is_held_against_its_version() {
    #[task_agent(name = "nap", version = 2)]
    async fn other_nap(n: i64) -> i64 {
        n
    }
    let store = MemoryStore::new();
    let job = begun(&store, agents(), "nap", json!(7)).await;
    let other = Registry::builder().agent::<other_nap>();
    let (next, _) = program(&store, other);
    assert_eq!(reason(&next, job), "`nap` is of version 2 where it had none");
    let (none, _) = program(&store, Registry::builder().agent::<plus>());
    assert_eq!(reason(&none, job), "there is no `nap` in this program");
    let (old, _) = program(&store, agents());
    assert_eq!(ending(&old, job).await, Ok(json!(7)));
}

mod forms {
    use super::*;

    pub(crate) mod wide {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { all = for m in 0..*n { a = plus(m); nap(a) }; } phase two { z = plus(all.iter().sum::<i64>()); } *z } }
    }

    pub(crate) mod narrow {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { #[concurrency(2)] all = for m in 0..*n { a = plus(m); nap(a) }; }
        phase two { z = plus(all.iter().sum::<i64>()); } *z } }
    }

    pub(crate) mod other_last {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { all = for m in 0..*n { a = plus(m); b = nap(a); plus(b) }; }
        phase two { z = plus(all.iter().sum::<i64>()); } *z } }
    }

    pub(crate) mod other_elements {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { all = for m in 1..*n { a = plus(m); nap(a) }; }
        phase two { z = plus(all.iter().sum::<i64>()); } *z } }
    }

    pub(crate) mod more_inside {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { all = for m in 0..*n { a = plus(m); _b = twice(m); nap(a) }; }
        phase two { z = plus(all.iter().sum::<i64>()); } *z } }
    }

    pub(crate) mod branch {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { if *n > 1 { a = nap(n); } else { a = plus(n); } } phase two { z = plus(a); } *z } }
    }

    pub(crate) mod branch_other {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { if *n > 1 { a = nap(n); _b = plus(a); } else { a = twice(n); } } phase two { z = plus(a); } *z } }
    }

    pub(crate) mod branch_asked {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { if *n > 2 { a = nap(n); } else { a = plus(n); } } phase two { z = plus(a); } *z } }
    }

    pub(crate) mod rounds {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { a = repeat m = *n while *m < 9 max 4 { b = nap(m); twice(b) }; } phase two { z = plus(a); } *z } }
    }

    pub(crate) mod rounds_more {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { a = repeat m = *n while *m < 9 max 4 { b = nap(m); _c = plus(b); twice(b) }; }
        phase two { z = plus(a); } *z } }
    }

    pub(crate) mod rounds_bound {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { a = repeat m = *n while *m < 9 max 5 { b = nap(m); twice(b) }; } phase two { z = plus(a); } *z } }
    }

    pub(crate) mod waits {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { w = signal::<i64>("word"); y = nap(n); } phase two { z = plus(*w + *y); } *z } }
    }

    pub(crate) mod waits_more {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { x = plus(n); w = signal::<i64>("word"); y = nap(n); } phase two { z = plus(*w + *y + *x); } *z } }
    }

    pub(crate) mod waits_otherwise {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { w = signal::<u8>("word"); y = nap(n); } phase two { z = plus(i64::from(*w) + *y); } *z } }
    }

    pub(crate) mod waits_not {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { y = nap(n); } phase two { z = plus(y); } *z } }
    }

    pub(crate) mod undone {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { #[undo(give_back(n))] y = plus(n); } phase two { z = fails(y); } *z } }
    }

    pub(crate) mod undone_more {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { #[undo(give_back(n))] y = plus(n); } phase two { w = plus(n); z = fails(y); }
        phase three { v = plus(w); } *v + *z } }
    }

    pub(crate) mod undone_otherwise {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { #[undo(give_back(*n + 1))] y = plus(n); } phase two { z = fails(y); } *z } }
    }

    pub(crate) mod subtasks {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { s = family(n); } phase two { z = plus(s); } *z } }
    }

    pub(crate) mod subtasks_moved {
        use super::*;
        workflow! { pub(crate) workflow Forms(n: i64) -> i64 { phase one { a = plus(n); b = twice(n); s = family(n); } phase two { z = plus(*s + *a + *b); } *z } }
    }
}

/// What becomes of a job of one version in another, a while after it was begun.
macro_rules! became {
    ($old:ident $n:expr => $new:ident) => {{
        let store = MemoryStore::new();
        let job = begun(&store, agents().workflow::<forms::$old::Forms>(), "Forms", json!({ "n": $n })).await;
        let (runtime, log) = program(&store, agents().workflow::<forms::$new::Forms>());
        let became = ending(&runtime, job).await;
        runtime.check_journals().unwrap();
        (became, log.take())
    }};
}

#[tokio::test]
async fn elements_go_on_though_fewer_may_be_at_work() {
    let (became, log) = became!(wide 4 => narrow);
    assert_eq!(became, Ok(json!(11)));
    assert!(!log.iter().any(|line| line.starts_with("plus") && line != "plus 10"), "{log:?}");
    assert_eq!(became!(narrow 4 => wide).0, Ok(json!(11)));
}

#[tokio::test]
async fn changes_of_loops_and_branches_are_told() {
    let parks = |(became, _): (Result<Json, String>, Vec<String>)| became.unwrap_err();
    assert_eq!(
        parks(became!(wide 2 => other_last)),
        "step `all`: its last step is `plus` where it was `nap`"
    );
    assert_eq!(
        parks(became!(wide 2 => other_elements)),
        "step `all`: its collection is `1..*n` where it was `0..*n`"
    );
    assert_eq!(became!(wide 2 => more_inside).0, Ok(json!(4)));
    assert_eq!(became!(branch 3 => branch_other).0, Ok(json!(4)));
    assert_eq!(
        parks(became!(branch 3 => branch_asked)),
        "step `if a`: its condition is `*n > 2` where it was `*n > 1`"
    );
    assert_eq!(became!(rounds 5 => rounds).0, Ok(json!(11)));
    assert_eq!(became!(rounds 5 => rounds_more).0, Ok(json!(11)));
    assert_eq!(parks(became!(rounds 5 => rounds_bound)), "step `a`: its bound is `5` where it was `4`");
}

#[tokio::test]
async fn what_is_taken_back_goes_on_being_taken_back() {
    for (is_same, (store, job)) in [(true, undone().await), (false, undone().await)] {
        let (runtime, log) = match is_same {
            true => program(&store, agents().workflow::<forms::undone::Forms>()),
            false => program(&store, agents().workflow::<forms::undone_more::Forms>()),
        };
        let failure = runtime.job(job).unwrap().outcome().await.unwrap_err();
        assert_eq!((failure.kind, &*failure.step), (FailureKind::Error, "z"));
        assert_eq!(log.take(), ["give back 5"]);
        runtime.check_journals().unwrap();
    }
    let (store, job) = undone().await;
    let (runtime, _) = program(&store, agents().workflow::<forms::undone_otherwise::Forms>());
    assert_eq!(
        reason(&runtime, job),
        "step `y`: its `undo` is `give_back(*n + 1)` where it was `give_back(n)`"
    );
}

async fn undone() -> (MemoryStore, JobId) {
    let store = MemoryStore::new();
    let job = begun(&store, agents().workflow::<forms::undone::Forms>(), "Forms", json!({ "n": 5 })).await;
    (store, job)
}

#[tokio::test]
async fn subtasks_are_found_again_though_steps_have_moved() {
    let (became, log) = became!(subtasks 3 => subtasks_moved);
    // Subtasks give 4 and 6, then 10 and 11; those that were done are not done again.
    assert_eq!(became, Ok(json!(21 + 4 + 6 + 1)));
    assert_eq!(log, ["plus 3", "twice 3", "nap 10 2", "plus 10", "plus 31"]);
    let (became, log) = became!(subtasks_moved 3 => subtasks);
    assert_eq!(became, Err("step `a`: it is not in this program any more".to_owned()), "{log:?}");
}

#[tokio::test]
async fn events_that_came_are_not_lost() {
    let begin = async || {
        let store = MemoryStore::new();
        let (runtime, _) = program(&store, agents().workflow::<forms::waits::Forms>());
        let job = runtime.submit_json("Forms", json!({ "n": 1 })).await.unwrap();
        runtime.advance(Duration::from_secs(10));
        job.signal("word", 7).await.unwrap();
        (store, job.id())
    };
    let (store, job) = begin().await;
    let (runtime, _) = program(&store, agents().workflow::<forms::waits_more::Forms>());
    assert_eq!(ending(&runtime, job).await, Ok(json!(11)));
    let (store, job) = begin().await;
    let (runtime, _) = program(&store, agents().workflow::<forms::waits_otherwise::Forms>());
    assert_eq!(reason(&runtime, job), "event `word`: step `w` awaited it: its value has another schema");
    let (store, job) = begin().await;
    let (runtime, _) = program(&store, agents().workflow::<forms::waits_not::Forms>());
    assert_eq!(
        reason(&runtime, job),
        "event `word`: step `w` awaited it: it is not in this program any more"
    );
}

#[tokio::test]
async fn tasks_put_together_in_code_need_what_they_call() {
    let store = MemoryStore::new();
    let (runtime, _) = program(&store, agents());
    let mut dag = Dag::new("pair");
    let first = dag.task::<nap>(1);
    let then = dag.task::<twice>(first);
    dag.name(then, "then");
    let job = runtime.submit(dag.giving(then)).await.unwrap().id();
    runtime.advance(Duration::from_secs(10));
    let without = Registry::builder().agent::<nap>();
    let (next, _) = program(&store, without);
    assert_eq!(reason(&next, job), "step `then`: there is no `twice` in this program");
    let (old, _) = program(&store, agents());
    assert_eq!(ending(&old, job).await, Ok(json!(2)));
}

/// A workflow that calls another.
mod nested {
    use super::*;

    pub(crate) mod outer {
        use super::*;
        use nested::first::Inner;
        workflow! { pub(crate) workflow Outer(n: i64) -> i64 { phase one { x = Inner(n); } phase two { y = plus(x); } *y } }
    }

    pub(crate) mod outer_more {
        use super::*;
        use nested::first::Inner;
        workflow! { pub(crate) workflow Outer(n: i64) -> i64 {
            phase one { w = plus(n); x = Inner(n); } phase two { y = plus(x); } *y + *w
        } }
    }

    pub(crate) mod outer_otherwise {
        use super::*;
        use nested::first::Inner;
        workflow! { pub(crate) workflow Outer(n: i64) -> i64 { phase one { x = Inner(*n + 1); } phase two { y = plus(x); } *y } }
    }

    pub(crate) mod first {
        use super::*;
        workflow! { pub(crate) workflow Inner(n: i64) -> i64 { phase one { x = twice(n); } phase two { y = nap(x); } *y } }
    }

    pub(crate) mod second {
        use super::*;
        workflow! { pub(crate) workflow Inner(n: i64) -> i64 { phase one { x = plus(n); } phase two { y = nap(x); } *y } }
    }
}

/// A program with both workflows.
fn both(outer: impl Fn(RegistryBuilder) -> RegistryBuilder, is_changed: bool) -> RegistryBuilder {
    match is_changed {
        false => outer(agents().workflow::<nested::first::Inner>()),
        true => outer(agents().workflow::<nested::second::Inner>()),
    }
}

fn outer(builder: RegistryBuilder) -> RegistryBuilder {
    builder.workflow::<nested::outer::Outer>()
}

fn children_of(job: JobId) -> Filter {
    let mut filter = Filter::default();
    filter.parent = Some(job);
    filter
}

async fn inside(store: &MemoryStore) -> (JobId, JobId) {
    let outside = begun(store, both(outer, false), "Outer", json!({ "n": 1 })).await;
    let children = store.list(&children_of(outside)).expect("it can be read");
    (outside, children[0].id)
}

#[tokio::test]
async fn a_parent_whose_tasks_moved_hears_of_its_child() {
    let store = MemoryStore::new();
    let (outside, _) = inside(&store).await;
    let moved = |builder: RegistryBuilder| builder.workflow::<nested::outer_more::Outer>();
    let (runtime, log) = program(&store, both(moved, false));
    assert_eq!(ending(&runtime, outside).await, Ok(json!(3 + 2)));
    assert_eq!(log.take(), ["nap 2 2", "plus 1", "plus 2"]);
    runtime.check_journals().unwrap();
}

#[tokio::test]
async fn a_parent_waits_for_a_child_that_is_parked() {
    let store = MemoryStore::new();
    let (outside, child) = inside(&store).await;
    let (next, log) = program(&store, both(outer, true));
    next.advance(Duration::from_secs(1000));
    assert_eq!(reason(&next, child), "step `x`: it calls `plus` where it called `twice`");
    assert_eq!(next.job(outside).unwrap().state(), JobState::Running);
    assert_eq!(log.take(), [""; 0], "no other child is made in its place");
    drop(next);
    let (old, _) = program(&store, both(outer, false));
    assert_eq!(ending(&old, outside).await, Ok(json!(3)));
}

#[tokio::test]
async fn a_parked_child_that_is_cancelled_is_told_to_its_parent() {
    let store = MemoryStore::new();
    let (outside, child) = inside(&store).await;
    let (next, _) = program(&store, both(outer, true));
    assert!(next.cancel(child, "nobody wants it").await);
    let failure = next.job(outside).unwrap().outcome().await.unwrap_err();
    assert_eq!((failure.kind, &*failure.message), (FailureKind::Error, "nobody wants it"));

    let store = MemoryStore::new();
    let (outside, child) = inside(&store).await;
    let (next, _) = program(&store, both(outer, true));
    assert!(next.cancel(outside, "nobody wants both").await);
    next.run_until_idle();
    // This program could not take back what the child did, and leaves it to whoever can.
    assert_eq!(next.job(outside).unwrap().state(), JobState::Stopping);
    assert!(next.cancel(child, "it need not be").await);
    next.run_until_idle();
    assert!(next.job(outside).unwrap().outcome().await.unwrap_err().is_cancelled());
    assert_eq!(store.read(child).unwrap().unwrap().head.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_parked_parent_that_is_cancelled_takes_its_child_with_it() {
    let store = MemoryStore::new();
    let (outside, child) = inside(&store).await;
    let other = |builder: RegistryBuilder| builder.workflow::<nested::outer_otherwise::Outer>();
    let (next, _) = program(&store, both(other, false));
    assert_eq!(reason(&next, outside), "step `x`: it is called with `*n + 1` where it was with `n`");
    assert!(next.cancel(outside, "nobody wants it").await);
    next.run_until_idle();
    assert_eq!(next.parked().len(), 0);
    assert!(next.job(child).unwrap().outcome().await.unwrap_err().is_cancelled());
    assert_eq!(store.read(outside).unwrap().unwrap().head.state, JobState::Cancelled);
}

#[tokio::test]
async fn a_parked_job_runs_again_from_what_was_changed() {
    let store = MemoryStore::new();
    let job = begun(&store, agents().workflow::<line::first::Line>(), "Line", json!({ "n": 1 })).await;
    let (next, log) = program(&store, agents().workflow::<line::other_running::Line>());
    assert_eq!(reason(&next, job), "step `y`: it calls `plus` where it called `nap`");
    let again = next.rerun(job).from("y").await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(6));
    assert_eq!(log.take(), ["plus 2", "twice 3"], "what was done before is kept");
    let again = next.rerun(job).from("y").input(json!(10)).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(22));
    next.check_journals().unwrap();
    drop(next);

    let (other, _) = program(&store, agents().workflow::<line::other_callee::Line>());
    let refused = other.rerun(job).from("y").await.unwrap_err();
    assert!(matches!(refused, RerunError::Misfit { .. }), "{refused}");
    assert!(refused.to_string().ends_with("step `x`: it calls `twice` where it called `plus`"), "{refused}");
    let again = other.rerun(job).from("x").await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(4));
}

#[tokio::test]
async fn a_job_that_is_over_can_be_read_whatever_the_program_is() {
    let store = MemoryStore::new();
    let (first, _) = program(&store, agents().workflow::<line::first::Line>());
    let job = first.submit_json("Line", json!({ "n": 1 })).await.unwrap();
    job.outcome().await.unwrap();
    let job = job.id();
    drop(first);
    let (more, _) = program(&store, agents().workflow::<line::more_phases::Line>());
    let fetched = more.fetch(job).await.unwrap().unwrap();
    assert_eq!(fetched.result().unwrap().unwrap(), json!(4));
    // A step that was not there when it ran was left out.
    let tasks: Vec<_> = fetched.tasks().into_iter().map(|task| (task.path, task.state)).collect();
    assert_eq!((tasks.len(), &tasks[3]), (4, &("more".to_owned(), TaskState::Skipped)));
    drop(more);
    let (gone, _) = program(&store, agents().workflow::<line::gone::Line>());
    let fetched = gone.fetch(job).await.unwrap().unwrap();
    assert_eq!((fetched.result().unwrap().unwrap(), fetched.state()), (json!(4), JobState::Succeeded));
    assert!(fetched.journal().len() > 6);
    let again = gone.rerun(job).from("y").await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(4), "what comes after is that of this program");
    gone.check_journals().unwrap();
}

#[tokio::test]
async fn what_a_deploy_would_park_is_told_in_words() {
    let store = MemoryStore::new();
    let (first, _) = program(&store, agents().workflow::<line::first::Line>());
    for n in 0..7 {
        first.submit_json("Line", json!({ "n": n })).await.unwrap();
    }
    first.submit_json("Line", json!({ "n": 8 })).delay("1h").await.unwrap();
    first.advance(Duration::from_secs(10));
    let next = agents().workflow::<line::other_callee::Line>().build().unwrap();
    let check = next.check(&store).unwrap();
    assert_eq!((check.jobs, check.parked.len()), (8, 7));
    let said = check.to_string();
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "7 of 8 jobs that are not over would be parked:");
    assert_eq!(lines[1], "  7 jobs of `Line`: step `x`: it calls `twice` where it called `plus`");
    assert!(lines[2].ends_with(" Running") && lines[2].contains(&check.parked[0].head.id.to_string()));
    assert_eq!((lines.len(), lines[7]), (8, "    and 2 more"));
    // Nothing was taken over by it.
    assert_eq!(first.jobs(&JobFilter::new().state(JobState::Running)).len(), 7);
    first.advance(Duration::from_secs(100));
    assert_eq!(first.jobs(&JobFilter::new().state(JobState::Succeeded)).len(), 7);
    let same = agents().workflow::<line::first::Line>().build().unwrap().check(&store).unwrap();
    assert_eq!(same.to_string(), "none of 1 jobs that are not over would be parked");
}

#[test]
fn catalogues_are_compared() {
    let of = |registry: RegistryBuilder| {
        let catalogue = registry.build().unwrap().catalogue();
        // As it is read from a file.
        serde_json::from_str::<workflow_runtime::Catalogue>(&serde_json::to_string(&catalogue).unwrap())
            .unwrap()
    };
    let old = of(agents().workflow::<line::first::Line>().workflow::<nested::first::Inner>());
    let says = |new: RegistryBuilder| of(new.workflow::<nested::first::Inner>()).check(&old).to_string();
    assert_eq!(says(agents().workflow::<line::first::Line>()), "nothing changed that means anything to jobs");
    assert_eq!(
        says(agents().workflow::<line::renamed_phases::Line>()),
        "nothing changed that means anything to jobs"
    );
    assert_eq!(
        says(agents().workflow::<line::more_before::Line>()),
        "1 changes, of which 1 may park jobs:\n  `Line`\n    step `w`: it was added; parks jobs that are past phase `one`"
    );
    assert_eq!(
        says(agents().workflow::<line::more_phases::Line>()),
        "1 changes, of which 0 may park jobs:\n  `Line`\n    step `more`: it was added; parks none"
    );
    assert_eq!(
        says(agents().workflow::<line::other_callee::Line>()),
        "1 changes, of which 1 may park jobs:\n  `Line`\n    step `x`: it calls `twice` where it called `plus`; parks jobs in \
         which it has begun"
    );
    let swapped = says(agents().workflow::<line::swapped::Line>());
    assert!(
        swapped.contains(
            "step `x`: it comes after `y` now; parks jobs in which it has begun and `y` is not over"
        ),
        "{swapped}"
    );
    let version = says(agents().workflow::<line::other_whole::Line>());
    assert!(
        version.contains("`Line` is of version 3 where it had none; parks jobs that have begun"),
        "{version}"
    );
    let none = says(agents());
    assert!(none.contains("`Line`\n    it is not in this program any more; parks all jobs"), "{none}");
}

#[tokio::test]
async fn a_job_is_carried_to_another_store() {
    let (here, there) = (MemoryStore::new(), MemoryStore::new());
    let job = begun(&here, agents().workflow::<line::first::Line>(), "Line", json!({ "n": 1 })).await;
    let (old, _) = program(&here, agents().workflow::<line::first::Line>());
    let export: Export = old.export(job).await.unwrap().unwrap().to_string().parse().unwrap();
    assert_eq!(export.head().id, job);

    // Its plan goes with it: what does not fit is refused, and nothing is kept of it.
    let (other, _) = program(&there, agents().workflow::<line::other_callee::Line>());
    let refused = other.import(export.clone()).await.unwrap_err();
    let ImportError::Misfit { problem, .. } = &refused else { panic!("{refused}") };
    assert_eq!(problem, "step `x`: it calls `twice` where it called `plus`");
    assert!(there.list(&Filter::default()).unwrap().is_empty());
    drop(other);

    let (next, log) = program(&there, agents().workflow::<line::more_phases::Line>());
    let carried = next.import(export.clone()).await.unwrap();
    assert!(matches!(next.import(export).await.unwrap_err(), ImportError::Taken(taken) if taken == job));
    next.run_until_idle();
    drop(next);
    // It is in the store, with its plans, for other programs to go on with.
    let (again, _) = program(&there, agents().workflow::<line::more_phases::Line>());
    assert_eq!(ending(&again, carried.id()).await, Ok(json!(5)));
    assert_eq!(log.take(), ["nap 2 3"]);
    let over = again.export(job).await.unwrap().unwrap();
    drop(again);

    // What is over is history: it can be fetched, and run again.
    let third = MemoryStore::new();
    let (runtime, log) = program(&third, agents().workflow::<line::more_phases::Line>());
    let history = runtime.import(over).await.unwrap();
    assert_eq!(history.result().unwrap().unwrap(), json!(5));
    assert_eq!(log.take(), [""; 0]);
    drop(runtime);
    let (runtime, _) = program(&third, agents().workflow::<line::more_phases::Line>());
    assert_eq!(runtime.fetch(job).await.unwrap().unwrap().result().unwrap().unwrap(), json!(5));
    let again = runtime.rerun(job).from("z").await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(5));
}

#[tokio::test]
async fn old_new_and_old_again_over_one_file() {
    let folder = Folder::new("upgrade");
    let file = folder.file("jobs.db");
    let open = async |registry: RegistryBuilder, log: &Log| {
        let builder = Runtime::builder().registry(registry.build().unwrap()).state(log.clone());
        let runtime = builder.on(Arc::new(SqliteStore::open(&file).unwrap())).await.unwrap();
        runtime.recovered().await;
        runtime
    };
    let close = async |runtime: Runtime| runtime.shutdown(Duration::from_secs(0)).await;
    let (old, new) = (
        || both(outer, false).workflow::<forms::waits::Forms>().workflow::<line::first::Line>(),
        || {
            let changed = both(|builder| builder.workflow::<nested::outer_more::Outer>(), false);
            changed.workflow::<forms::waits_more::Forms>().workflow::<line::other_callee::Line>()
        },
    );
    let log = Log::default();
    let first = open(old(), &log).await;
    let waiting = first.submit_json("Forms", json!({ "n": 1 })).await.unwrap().id();
    let inside = first.submit_json("Outer", json!({ "n": 1 })).await.unwrap().id();
    let changed = first.submit_json("Line", json!({ "n": 1 })).await.unwrap().id();
    let later = first.submit_json("Line", json!({ "n": 5 })).delay("1h").await.unwrap().id();
    while log.count(|line| line.starts_with("nap")) < 3 {
        tokio::task::yield_now().await;
    }
    close(first).await;

    let second = open(new(), &log).await;
    let parked: Vec<JobId> = second.parked().iter().map(|job| job.head.id).collect();
    assert_eq!(parked, [changed]);
    // Lists say it as soon as it is written down.
    let listed = async || second.history(JobFilter::new().parked()).await.unwrap();
    while listed().await.is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(listed().await.iter().map(|head| head.id).collect::<Vec<_>>(), [changed]);
    // What the new program adds to a job of the old one is done once.
    while log.count(|line| line == "plus 1") == 0 {
        tokio::task::yield_now().await;
    }
    second.job(waiting).unwrap().signal("word", 7).await.unwrap();
    close(second).await;

    let third = open(old(), &log).await;
    let parked: Vec<JobId> = third.parked().iter().map(|job| job.head.id).collect();
    assert_eq!(parked, [waiting, inside], "they have done what the old program does not know");
    assert_eq!(third.job(changed).unwrap().state(), JobState::Running);
    assert_eq!(third.job(later).unwrap().state(), JobState::Scheduled);
    assert!(third.cancel(later, "it is tried").await);
    close(third).await;

    let last = open(new(), &log).await;
    assert_eq!(last.parked().iter().map(|job| job.head.id).collect::<Vec<_>>(), [changed]);
    assert!(last.job(inside).is_some() && last.job(waiting).is_some());
    let done = log.take();
    for once in ["twice 1", "plus 1"] {
        let times = done.iter().filter(|line| *line == once).count();
        // `plus 1` is the first step of `Line`, and what the new program adds to the two others.
        assert_eq!(times, if once == "plus 1" { 3 } else { 1 }, "{done:?}");
    }
    close(last).await;
}

/// The keys of the attempts that began, in order.
type Begun = Arc<Mutex<Vec<String>>>;

/// A world in which one call of nine fails for good, and all take some seconds; both depend on what is called with what.
fn world(begun: &Begun) -> World {
    let begun = Arc::clone(begun);
    World::new(move |name, context, inputs| {
        begun.lock().unwrap_or_else(PoisonError::into_inner).push(context.idempotency_key());
        let (context, given) = (context.clone(), mix(name, inputs));
        Box::pin(async move {
            context.sleep(Duration::from_millis(given.unsigned_abs() % 7 * 100)).await;
            if given % 9 == 0 { Err(AgentError::permanent(format!("{given} fails"))) } else { Ok(given) }
        })
    })
}

/// The agents, and a random workflow, in which something may be otherwise.
fn random_program(seed: u64, change: Option<(Change, usize)>) -> Arc<Registry> {
    let agents = Registry::builder().agent::<random::zero>().agent::<random::one>().agent::<random::two>();
    let agents = agents.agent::<random::maybe>().agent::<random::total>().agent::<random::spare>();
    let spec = random::changed(&mut Rng::new(seed), "Sim0", &[], 25, change);
    let built = agents.agent::<random::give_back>().workflow_spec(spec).build();
    Arc::new(built.unwrap_or_else(|problems| panic!("seed {seed}: {problems}")))
}

struct Trial {
    seed: u64,
    store: MemoryStore,
    begun: Begun,
}

impl Trial {
    fn open(&self, registry: &Arc<Registry>) -> TestRuntime {
        let builder =
            Runtime::builder().deaths(u32::MAX).registry(Arc::clone(registry)).state(world(&self.begun));
        TestRuntime::on(builder, self.seed, Arc::new(self.store.clone()))
    }

    async fn begin(&self, registry: &Arc<Registry>) -> (TestRuntime, JobId) {
        let runtime = self.open(registry);
        let job = runtime.submit_json("Sim0", json!({"n": self.seed % 50})).await.expect("it is taken in");
        tell(&runtime, &mut HashSet::new()).await;
        (runtime, job.id())
    }

    /// The keys of the steps that are done, as the store has it.
    fn done(&self) -> HashSet<String> {
        let all = self.store.list(&Filter::default()).expect("it can be read");
        all.into_iter().flat_map(|head| self.done_of(head.id)).collect()
    }

    fn done_of(&self, id: JobId) -> HashSet<String> {
        let kept = self.store.read(id).expect("it can be read").expect("it is there");
        let lines = kept.records().expect("they are right");
        let done =
            lines.iter().filter(|line| matches!(line.record.fact, workflow_runtime::Fact::Succeeded { .. }));
        done.filter_map(|line| line.step.as_ref()).map(|step| format!("{id}/{step}")).collect()
    }
}

/// Tells all jobs that await one of the events, early.
async fn tell(runtime: &TestRuntime, told: &mut HashSet<JobId>) {
    for status in runtime.jobs(&JobFilter::new()) {
        if let Some(job) = runtime.job(status.id)
            && told.insert(status.id)
        {
            for event in ["sig0", "sig1", "sig2", "sig3"] {
                // Those that it does not await are refused.
                let _ = job.signal(event, 7).await;
            }
        }
    }
}

fn settle(runtime: &TestRuntime) {
    runtime.advance(Duration::from_secs(400 * 24 * 3600));
}

/// What a job gave, or that it failed; nothing if it is not over.
fn result(runtime: &TestRuntime, id: JobId) -> Option<Result<Json, ()>> {
    runtime.job(id)?.result().map(|result| result.map_err(|_| ()))
}

/// A job of a random workflow meets a program in which something is otherwise, and the old one again, and so on. Whichever
/// program ends it, it ends as if that had run all of it; what was done is not done again; and a program that cannot go
/// on says which step is in the way.
#[tokio::test]
async fn a_random_job_meets_a_random_change() {
    let (mut went_on, mut parked, mut ended_new, mut ended_old) = (0, 0, 0, 0);
    for seed in 0..300 {
        let mut rng = Rng::new(!seed);
        let kind = *rng.pick(&[Change::Add, Change::Add, Change::Callee, Change::Argument]);
        let change = Some((kind, rng.below(12) as usize));
        let mut programs = [random_program(seed, None), random_program(seed, change)];
        if rng.chance(50) {
            programs.swap(0, 1);
        }
        let mut expected = Vec::new();
        for registry in &programs {
            let alone = Trial { seed, store: MemoryStore::new(), begun: Begun::default() };
            let (runtime, id) = alone.begin(registry).await;
            settle(&runtime);
            expected.push(result(&runtime, id).expect("it ends"));
        }
        let trial = Trial { seed, store: MemoryStore::new(), begun: Begun::default() };
        let (mut runtime, id) = trial.begin(&programs[0]).await;
        let mut last = 0;
        for turn in 0..8 {
            if turn < 6 {
                runtime.crash_after(rng.below(20) as usize);
            }
            settle(&runtime);
            runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
            if trial.store.read(id).unwrap().unwrap().head.state.is_over() {
                break;
            }
            let (before, done) = (trial.begun.lock().unwrap().len(), trial.done());
            let next = (turn + 1) % 2;
            let foretold = programs[next].check(&trial.store).unwrap();
            drop(runtime);
            runtime = trial.open(&programs[next]);
            runtime.run_until_idle();
            let again = trial.begun.lock().unwrap()[before..].iter().find(|key| done.contains(*key)).cloned();
            assert_eq!(again, None, "seed {seed}: it was done, and is done again");
            match runtime.parked().first() {
                None => {
                    went_on += 1;
                    last = next;
                    assert!(foretold.parked.is_empty(), "seed {seed}: {foretold}");
                }
                Some(job) => {
                    parked += 1;
                    let is_named = job.step.is_some() || job.reason.starts_with("event `");
                    assert!(is_named, "seed {seed}: {}", job.reason);
                    assert_eq!(foretold.parked[0].reason(), job.reason, "seed {seed}");
                }
            }
        }
        let fetched = runtime.fetch(id).await.unwrap();
        let became = fetched.and_then(|job| job.result()).map(|result| result.map_err(|_| ()));
        assert_eq!(became, Some(expected[last].clone()), "seed {seed}: {change:?}, ended by program {last}");
        if last == 1 { ended_new += 1 } else { ended_old += 1 }
    }
    let seen = format!("{went_on} went on, {parked} were parked; {ended_new} and {ended_old} ended");
    assert!(went_on > 100 && parked > 50 && ended_new > 25 && ended_old > 25, "{seen}");
}

/// The same with child jobs: one of four workflows that call one another is changed. Nothing is lost, whatever is parked
/// meanwhile: in the end all jobs are over.
#[tokio::test]
async fn random_families_meet_a_random_change() {
    let (mut parked, mut waited) = (0, 0);
    for seed in 0..200 {
        let mut rng = Rng::new(!seed);
        let change =
            (*rng.pick(&random::NAMES), *rng.pick(&[Change::Add, Change::Callee]), rng.below(8) as usize);
        let make = |change| Arc::new(random::changed_registry(seed, 12, change).expect("they are valid"));
        let programs = [make(None), make(Some(change))];
        let trial = Trial { seed, store: MemoryStore::new(), begun: Begun::default() };
        let (mut runtime, _) = trial.begin(&programs[0]).await;
        let mut heads = Vec::new();
        for turn in 0..30 {
            // What was told and not written must be told again.
            let mut told = HashSet::new();
            if turn < 12 {
                runtime.crash_after(rng.below(9) as usize);
            }
            // Each clock begins at the same moment; what waits for a timer of the last must be reached.
            for _ in 0..100 * (turn + 1) {
                runtime.advance(Duration::from_secs(12 * 3600));
                tell(&runtime, &mut told).await;
                if runtime.has_crashed()
                    || runtime.jobs(&JobFilter::new()).iter().all(|job| job.state.is_over())
                {
                    break;
                }
            }
            runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
            heads = trial.store.list(&Filter::default()).unwrap();
            heads.retain(|head| !head.state.is_over());
            if heads.is_empty() {
                break;
            }
            let (before, done) = (trial.begun.lock().unwrap().len(), trial.done());
            let next = (turn + 1) % 2;
            let foretold = programs[next].check(&trial.store).unwrap();
            drop(runtime);
            runtime = trial.open(&programs[next]);
            runtime.run_until_idle();
            let again = trial.begun.lock().unwrap()[before..].iter().find(|key| done.contains(*key)).cloned();
            assert_eq!(again, None, "seed {seed}: it was done, and is done again");
            let became: Vec<String> = runtime.parked().into_iter().map(|job| job.reason).collect();
            let expected: Vec<String> = foretold.parked.iter().map(|job| job.reason()).collect();
            assert_eq!(became, expected, "seed {seed}");
            parked += became.len();
            waited += runtime.parked().iter().filter(|job| job.head.parent.is_some()).count();
        }
        assert!(heads.is_empty(), "seed {seed}: {change:?}: they never end: {heads:?}");
    }
    assert!(parked > 30 && waited > 5, "{parked} were parked, {waited} of them while others waited for them");
}
