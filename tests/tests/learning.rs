//! What is learned from outcomes: choices, reports, and timeouts that adapt.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Adaptive, AgentLimits, AgentReport, FailureKind, Goal, Measured};
use workflow_tests::folder::Folder;

/// A world in which one model does well until so many questions were asked, and from then on the other.
struct World {
    asked: AtomicU64,
    turns: u64,
}

/// How often each of both succeeds, in hundredths; how many seconds it takes, and what it costs.
const GOOD: (u64, u64, f64) = (95, 2, 1.0);
const BAD: (u64, u64, f64) = (70, 6, 2.0);

impl World {
    fn of(&self, is_first: bool, question: u64) -> (u64, u64, f64) {
        if is_first == (question < self.turns) { GOOD } else { BAD }
    }

    async fn ask(&self, is_first: bool, question: u64, ctx: &TaskContext) -> Result<bool, AgentError> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let (hundredths, time, cents) = self.of(is_first, question);
        ctx.sleep(Duration::from_secs(time)).await;
        ctx.cost(cents);
        let luck = question.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        if luck % 100 < hundredths { Ok(is_first) } else { Err(AgentError::permanent("it does not know")) }
    }
}

#[task_agent]
async fn first(question: u64, ctx: &TaskContext, world: State<World>) -> Result<bool, AgentError> {
    world.ask(true, question, ctx).await
}

#[task_agent]
async fn second(question: u64, ctx: &TaskContext, world: State<World>) -> Result<bool, AgentError> {
    world.ask(false, question, ctx).await
}

/// What it is worth when it succeeds, and what time and money take from that.
const GOAL: fn() -> Goal = || Goal::new().second(0.05).cent(0.1).memory(50);

fn worth((hundredths, seconds, cents): (u64, u64, f64)) -> f64 {
    f64::from(u32::try_from(hundredths).expect("it is small")) / 100.0
        - 0.05 * f64::from(u32::try_from(seconds).expect("it is small"))
        - 0.1 * cents
}

/// Asks whoever does better of late.
#[task_agent]
async fn ask(question: u64, ctx: &TaskContext) -> Result<bool, AgentError> {
    let (_, answer) = ctx.choose("model", ["first", "second"]).goal(GOAL()).call(&question).await?;
    Ok(answer)
}

/// Asks so many questions, one after the other; gives whom each was asked, `true` for the first.
async fn asked(runtime: &TestRuntime, from: u64, to: u64) -> Vec<bool> {
    let mut whom = Vec::new();
    for question in from..to {
        let before = runtime.stats("first").map_or(0, |stats| stats.count);
        drop(runtime.run(ask::with(question)).await);
        whom.push(runtime.stats("first").map_or(0, |stats| stats.count) > before);
    }
    whom
}

fn world(turns: u64) -> World {
    World { asked: AtomicU64::default(), turns }
}

#[tokio::test]
async fn choosing_helps_where_the_best_changes_halfway() {
    let (questions, turns) = (1200, 600);
    let world = world(turns);
    let runtime = TestRuntime::seeded(Runtime::builder().state(world), 7);
    let whom = asked(&runtime, 0, questions).await;
    let again = World { asked: AtomicU64::default(), turns };
    let sum = |choose: &dyn Fn(u64) -> bool| {
        (0..questions).map(|question| worth(again.of(choose(question), question))).sum::<f64>()
    };
    let chosen = sum(&|question| whom[usize::try_from(question).expect("it is small")]);
    let (always_first, always_second) = (sum(&|_| true), sum(&|_| false));
    let (by_turns, best) = (sum(&|question| question % 2 == 0), sum(&|question| question < turns));
    println!(
        "chosen {chosen:.0}, always the first {always_first:.0}, always the second {always_second:.0}, by turns {by_turns:.0}, the best {best:.0}"
    );
    assert!(chosen > 1.4 * always_first.max(always_second).max(by_turns), "{chosen}");
    assert!(chosen > 0.85 * best, "{chosen} of {best}");
    // Before the turn the first, some time after it the second; and the other now and then.
    let share = |from: usize| whom[from..from + 200].iter().filter(|first| **first).count();
    assert!(share(400) > 170 && share(1000) < 30, "{} {}", share(400), share(1000));
    assert!((1..200).contains(&share(1000)) && share(400) < 200, "who does worse is still tried");
}

#[tokio::test]
async fn under_test_the_same_is_chosen_each_time() {
    let mut all = Vec::new();
    for _ in 0..2 {
        let runtime = TestRuntime::seeded(Runtime::builder().state(world(50)), 7);
        all.push(asked(&runtime, 0, 100).await);
    }
    assert_eq!(all[0], all[1]);
}

/// Fails its first attempt after its choice was called, and says whom it asked.
#[task_agent(retry(max = 1, first = "1s"))]
async fn hesitate(question: u64, ctx: &TaskContext) -> Result<String, AgentError> {
    let (whom, _) = ctx.choose("model", ["first", "second"]).call::<bool>(&question).await?;
    if ctx.attempt() == 1 { Err(AgentError::retry("once more")) } else { Ok(whom) }
}

#[tokio::test]
async fn a_later_attempt_finds_what_an_earlier_one_has_chosen_and_chooses_anew_what_failed() {
    let (mut at_once, mut anew) = (0, 0);
    for question in 0..40 {
        let runtime = TestRuntime::of(Runtime::builder().state(world(1000)));
        let whom = runtime.run(hesitate::with(question)).await;
        let stats = ["first", "second"].map(|name| runtime.stats(name).unwrap_or_default());
        let (asked, answered) =
            stats.iter().fold((0, 0), |sum, stats| (sum.0 + stats.count, sum.1 + stats.succeeded));
        assert_eq!(
            (answered, whom.is_ok()),
            (answered.min(1), answered == 1),
            "who has an answer asks nobody else"
        );
        at_once += u32::from(asked == 1 && answered == 1);
        anew += u32::from(asked == 2);
    }
    assert!(at_once > 10 && anew > 3, "{at_once} {anew}");
}

#[tokio::test]
async fn a_choice_without_options_is_an_error() {
    #[task_agent]
    async fn choose_nothing(ctx: &TaskContext) -> Result<String, AgentError> {
        ctx.choose("nothing", Vec::<String>::new()).pick()
    }
    let runtime = TestRuntime::of(Runtime::builder().state(world(0)));
    let told = runtime.run(choose_nothing::with()).await.expect_err("there is nothing");
    assert!(told.to_string().contains("the choice `nothing` has no options"), "{told}");
}

/// Picks by name, and learns from what came of it.
#[task_agent]
async fn pick(ctx: &TaskContext) -> Result<String, AgentError> {
    let choice = ctx.choose("picked", ["a", "b"]);
    let picked = choice.pick()?;
    choice.learn_from(&picked, Measured { succeeded: picked == "b", ..Measured::default() });
    Ok(picked)
}

async fn picked(runtime: &Runtime, times: usize) -> usize {
    let mut second = 0;
    for _ in 0..times {
        second += usize::from(runtime.run(pick::with()).await.expect("it picks") == "b");
    }
    second
}

async fn on(store: Arc<dyn Store>) -> Runtime {
    Runtime::builder().state(world(0)).on(store).await.expect("it starts")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_learned_survives_and_is_added_to() {
    let folder = Folder::new("learning");
    let file = folder.file("jobs.db");
    let open = || Arc::new(SqliteStore::open(&file).expect("it opens"));
    let runtime = on(open()).await;
    picked(&runtime, 100).await;
    runtime.shutdown(Duration::from_secs(5)).await;
    drop(runtime);
    // Another process knows at once what is better.
    let runtime = on(open()).await;
    let second = picked(&runtime, 30).await;
    runtime.shutdown(Duration::from_secs(5)).await;
    assert!(second >= 27, "{second} of 30");
    let note = open()
        .notes("learned")
        .unwrap()
        .into_iter()
        .find(|note| &*note.name == "picked")
        .expect("it is kept");
    let known: serde_json::Value = serde_json::from_str(&note.text).unwrap();
    assert!(known["b"]["succeeded"].as_f64().expect("it is a number") > 20.0, "{known}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_report_tells_each_hour_of_all_who_ever_ran() {
    #[task_agent]
    async fn paid(fails: bool, ctx: &TaskContext) -> Result<(), AgentError> {
        ctx.cost(1.5);
        if fails { Err(AgentError::permanent("no")) } else { Ok(()) }
    }
    let store = Arc::new(MemoryStore::new());
    for _ in 0..2 {
        let runtime = on(store.clone()).await;
        for fails in [false, false, true] {
            drop(runtime.run(paid::with(fails)).await);
        }
        runtime.shutdown(Duration::from_secs(5)).await;
    }
    let runtime = on(store.clone()).await;
    drop(runtime.run(paid::with(false)).await);
    // What is not kept yet is told, too, and what nobody has run is not.
    let report = runtime.report(2).await.unwrap();
    assert_eq!(report.keys().collect::<Vec<_>>(), ["paid"]);
    let AgentReport { whole, hours, .. } = &report["paid"];
    assert_eq!((whole.count, whole.succeeded, whole.cents), (7, 5, 10.5));
    assert_eq!(hours.iter().map(|hour| hour.count).sum::<u64>(), 7);
    assert!(hours.len() <= 2 && hours.iter().all(|hour| hour.at > whole.at), "{hours:?}");
    assert!(whole.p95 >= whole.p50 && whole.p50 > 0.0, "{whole:?}");
    assert!(runtime.report(0).await.unwrap().len() <= 1);
    assert!(runtime.report(u64::MAX).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn notes_that_cannot_be_read_are_written_anew() {
    use workflow_runtime::store::Entry;
    let store = Arc::new(MemoryStore::new());
    let term = store.begin("test").unwrap();
    let day = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs() / 86_400;
    for (topic, name) in [("learned".to_owned(), "picked"), (format!("report/{day}"), "pick")] {
        let (topic, name) = (topic.as_str().into(), name.into());
        store
            .write(&[Entry::Note { topic, name, text: Some("{ nonsense".into()), was: None, term }])
            .unwrap();
    }
    let runtime = on(store.clone()).await;
    picked(&runtime, 10).await;
    assert_eq!(runtime.report(1).await.unwrap()["pick"].whole.count, 10);
    runtime.shutdown(Duration::from_secs(5)).await;
    assert!(store.notes("learned").unwrap()[0].text.contains("succeeded"));
}

/// Takes so many milliseconds.
#[task_agent(timeout = "1m")]
async fn take(millis: u64, ctx: &TaskContext) -> u64 {
    ctx.sleep(Duration::from_millis(millis)).await;
    millis
}

#[tokio::test]
async fn a_timeout_follows_what_attempts_take() {
    let adaptive = Adaptive::within(Duration::from_secs(1), Duration::from_secs(40));
    let builder = Runtime::builder().state(world(0)).limits("take", AgentLimits::new().adaptive(adaptive));
    let runtime = TestRuntime::of(builder);
    // Until enough is known, it is the upper bound.
    assert!(runtime.run(take::with(39_000)).await.is_ok());
    for _ in 0..300 {
        runtime.run(take::with(500)).await.unwrap();
    }
    let began = runtime.elapsed();
    let failure = runtime.submit(take::with(39_000)).await.unwrap().await.expect_err("it takes too long");
    assert!(failure.to_string().contains("it took longer than its timeout of 1s500ms"), "{failure}");
    assert!(runtime.elapsed().checked_sub(began).unwrap() < Duration::from_secs(10));
    // Who has become slow is let be slow, step by step.
    for _ in 0..60 {
        drop(runtime.run(take::with(9000)).await);
    }
    assert!(runtime.run(take::with(9000)).await.is_ok());
    // What is set is never exceeded.
    let told = runtime.run(take::with(61_000)).await.expect_err("it takes too long");
    assert!(
        matches!(&told, workflow_runtime::RunError::Failed(failure) if failure.kind == FailureKind::TimedOut),
        "{told}"
    );
}
