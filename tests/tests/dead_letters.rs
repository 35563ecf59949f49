//! Dead letters: looked at, requeued where they failed, discarded; each at most once.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{MemoryStore, SqliteStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{
    FailureKind, JobId, JobState, LetterFilter, Registry, RegistryBuilder, RerunError, RuntimeBuilder,
};
use workflow_tests::folder::Folder;
use workflow_tests::log::Log;

#[task_agent]
async fn get(log: State<Log>, n: i64) -> i64 {
    log.add(format!("get {n}"));
    n + 1
}

#[task_agent(retry(max = 1, first = "1s"))]
async fn double(ctx: &TaskContext, log: State<Log>, n: i64) -> Result<i64, AgentError> {
    ctx.sleep(Duration::from_secs(1)).await;
    log.add(format!("double {n}"));
    if n > 100 { Err(AgentError::retry(format!("{n} is too much"))) } else { Ok(n * 2) }
}

#[task_agent]
async fn put(log: State<Log>, n: i64) -> i64 {
    log.add(format!("put {n}"));
    n
}

#[task_agent]
async fn take_away(log: State<Log>, n: i64) -> () {
    log.add(format!("take away {n}"));
}

workflow! {
    /// The second step fails when it is given much; the one beside it is done by then.
    pub workflow Steps(n: i64) -> i64 {
        phase first { got = get(n); }
        phase second { twice = double(got); beside = put(got); }
        *twice + *beside
    }
}

workflow! {
    /// A step that is taken back.
    pub workflow Careful(n: i64) -> i64 {
        phase first { #[undo(take_away(n))] done = put(n); }
        phase second { twice = double(done); }
        *twice
    }
}

workflow! {
    /// A step that calls another workflow.
    pub workflow Outer(n: i64) -> i64 {
        phase only { kept = get(n); inner = Steps(kept); }
        *inner
    }
}

workflow! {
    /// Takes too long.
    #[timeout("1m")]
    pub workflow Late(n: i64) -> i64 {
        phase only { got = get(n); sleep("2m"); }
        *got
    }
}

workflow! {
    /// One of its elements fails when it is given much.
    pub workflow Each(all: Vec<i64>) -> Vec<i64> {
        phase only { done = for n in all.clone() { double(n) }; }
        done
    }
}

/// Has others work for it, and then gives up if it was given much.
#[task_agent]
async fn lead(ctx: &TaskContext, n: i64) -> Result<i64, AgentError> {
    let got: i64 = ctx.spawn(get::with(n)).await?.join().await?;
    if n > 100 { Err(AgentError::permanent("it gives up")) } else { Ok(got) }
}

workflow! {
    /// A step that makes tasks.
    pub workflow Led(n: i64) -> i64 {
        phase first { kept = put(n); }
        phase second { led = lead(kept); }
        *led
    }
}

fn agents() -> RegistryBuilder {
    Registry::builder().agent::<get>().agent::<double>().agent::<put>().agent::<take_away>().agent::<lead>()
}

fn builder(log: &Log) -> RuntimeBuilder {
    let registry = agents()
        .workflow::<Steps>()
        .workflow::<Careful>()
        .workflow::<Outer>()
        .workflow::<Late>()
        .workflow::<Each>()
        .workflow::<Led>();
    Runtime::builder().registry(registry.build().expect("they are right")).state(log.clone()).jitter(0.0)
}

fn on(store: &Option<Arc<dyn Store>>, builder: RuntimeBuilder) -> TestRuntime {
    match store {
        Some(store) => TestRuntime::on(builder, 0, Arc::clone(store)),
        None => TestRuntime::of(builder),
    }
}

/// Memory without a store, a store in memory, a file.
fn stores(folder: &Folder) -> Vec<Option<Arc<dyn Store>>> {
    let file = SqliteStore::open(folder.file("jobs.db")).expect("the file can be made");
    vec![None, Some(Arc::new(MemoryStore::new())), Some(Arc::new(file))]
}

async fn failed(runtime: &TestRuntime, n: i64) -> JobId {
    let job = runtime.submit(Steps { n }).tag(format!("n:{n}")).await.expect("it works");
    job.outcome().await.expect_err("it fails");
    job.id()
}

async fn listed(runtime: &TestRuntime, filter: LetterFilter) -> Vec<JobId> {
    runtime.dead_letters().list(filter).await.expect("it works").into_iter().map(|head| head.id).collect()
}

#[tokio::test]
async fn letters_are_listed_and_shown() {
    let folder = Folder::new("letters");
    for store in stores(&folder) {
        let log = Log::default();
        let runtime = on(&store, builder(&log));
        let start = runtime.now();
        let first = failed(&runtime, 200).await;
        let between = runtime.now();
        runtime.advance(Duration::from_secs(60));
        let second = failed(&runtime, 300).await;
        let outer = runtime.submit(Outer { n: 400 }).queue("slow").await.unwrap();
        outer.outcome().await.unwrap_err();
        runtime.submit(Steps { n: 1 }).await.unwrap().await.unwrap();
        let runtime = runtime.restart();
        let all = LetterFilter::new;
        // The child job is not one of them: its parent is.
        assert_eq!(listed(&runtime, all()).await, [first, second, outer.id()]);
        assert_eq!(listed(&runtime, all().limit(1)).await, [first]);
        assert_eq!(listed(&runtime, all().after(first).name("Steps")).await, [second]);
        assert_eq!(listed(&runtime, all().tag("n:300")).await, [second]);
        assert_eq!(listed(&runtime, all().queue("slow")).await, [outer.id()]);
        assert_eq!(listed(&runtime, all().step("twice")).await, [first, second]);
        assert_eq!(listed(&runtime, all().step("inner")).await, [outer.id()]);
        assert_eq!(listed(&runtime, all().text("301 IS too")).await, [second]);
        assert_eq!(listed(&runtime, all().ended_from(start).ended_before(between)).await, []);
        let just_after = between + Duration::from_micros(1);
        assert_eq!(listed(&runtime, all().ended_before(just_after)).await, [first]);

        let letter = runtime.dead_letters().show(first).await.unwrap().unwrap();
        assert_eq!(letter.job_input, Some(json!({ "n": 200 })));
        assert_eq!((letter.step.as_deref(), letter.input), (Some("twice"), Some(json!(201))));
        assert_eq!((letter.failure.message.as_str(), letter.failure.attempt), ("201 is too much", 2));
        let whys: Vec<_> =
            letter.attempts.iter().map(|attempt| attempt.failure.as_ref().unwrap().attempt).collect();
        assert_eq!((whys, letter.misfit), (vec![1, 2], None));
        assert!(letter.attempts.iter().all(|attempt| attempt.ended > Some(attempt.began)));
        let letter = runtime.dead_letters().show(outer.id()).await.unwrap().unwrap();
        assert_eq!((letter.step.as_deref(), letter.input), (Some("inner"), Some(json!({ "n": 401 }))));
        assert_eq!(letter.failure.step, "twice");
    }
}

#[tokio::test]
async fn a_letter_goes_on_where_it_failed() {
    let folder = Folder::new("goes-on");
    for store in stores(&folder) {
        let log = Log::default();
        let runtime = on(&store, builder(&log));
        let id = failed(&runtime, 200).await;
        let runtime = runtime.restart();
        log.take_sorted();
        let wrong = runtime.dead_letters().requeue(id).input(json!("seven")).await.unwrap_err();
        assert!(wrong.to_string().contains("the input of `double` is not right"), "{wrong}");
        let job = runtime.dead_letters().requeue(id).input(json!(7)).await.unwrap();
        assert_eq!(job.outcome().await.unwrap(), json!(14 + 201));
        // What was done beside it is kept, too.
        assert_eq!(log.take_sorted(), ["double 7"]);
        let again = runtime.dead_letters().requeue(id).await.unwrap_err();
        assert!(matches!(again, RerunError::NoLetter(letter) if letter == id), "{again}");
        assert_eq!(listed(&runtime, LetterFilter::new()).await, []);
        assert!(runtime.dead_letters().show(id).await.unwrap().is_none());
        runtime.check_journals().unwrap();
    }
}

#[tokio::test]
async fn a_step_that_fails_again_has_all_its_attempts_again() {
    let log = Log::default();
    let runtime = TestRuntime::of(builder(&log));
    let id = failed(&runtime, 200).await;
    log.take_sorted();
    let job = runtime.dead_letters().requeue(id).await.unwrap();
    job.outcome().await.unwrap_err();
    assert_eq!(log.take_sorted(), ["double 201", "double 201"]);
    assert_eq!(listed(&runtime, LetterFilter::new()).await, [job.id()]);
    let job = runtime.dead_letters().requeue(job.id()).job_input(json!({ "n": 2 })).await.unwrap();
    assert_eq!(job.outcome().await.unwrap(), json!(9));
    assert_eq!(log.take_sorted(), ["double 3", "get 2", "put 3"]);
}

#[tokio::test]
async fn what_was_taken_back_begins_at_the_start() {
    let log = Log::default();
    let runtime = TestRuntime::on(builder(&log), 0, Arc::new(MemoryStore::new()));
    let job = runtime.submit(Careful { n: 200 }).await.unwrap();
    job.outcome().await.unwrap_err();
    log.take_sorted();
    let wrong = runtime.dead_letters().requeue(job.id()).input(json!(1)).await.unwrap_err();
    assert!(matches!(wrong, RerunError::TakenBack(_)), "{wrong}");
    let again = runtime.dead_letters().requeue(job.id()).await.unwrap();
    again.outcome().await.unwrap_err();
    assert_eq!(log.take_sorted(), ["double 200", "double 200", "put 200", "take away 200"]);
}

#[tokio::test]
async fn a_job_whose_time_was_up_has_all_of_it_again() {
    let log = Log::default();
    let runtime = TestRuntime::on(builder(&log), 0, Arc::new(MemoryStore::new()));
    let job = runtime.submit(Late { n: 1 }).await.unwrap();
    job.outcome().await.unwrap_err();
    assert_eq!(job.state(), JobState::Expired);
    log.take_sorted();
    runtime.advance(Duration::from_secs(3600));
    let again = runtime.dead_letters().requeue(job.id()).await.unwrap();
    // The timer rang meanwhile, and what was done before is kept.
    assert_eq!(again.outcome().await.unwrap(), json!(2));
    assert_eq!(log.take_sorted(), Vec::<String>::new());
}

#[tokio::test]
async fn one_of_two_who_requeue_wins_and_discarding_ends_it() {
    let folder = Folder::new("letter-races");
    for store in stores(&folder) {
        let log = Log::default();
        let runtime = on(&store, builder(&log));
        let ids = [failed(&runtime, 200).await, failed(&runtime, 300).await];
        let letters = runtime.dead_letters();
        let ask = |id| std::future::IntoFuture::into_future(letters.requeue(id).from_start());
        let (one, other) = both(ask(ids[0]), ask(ids[0])).await;
        assert_eq!([&one, &other].iter().filter(|asked| asked.is_ok()).count(), 1, "{one:?} {other:?}");
        let discard = Box::pin(letters.discard(ids[1]));
        let (asked, discarded) = both(ask(ids[1]), discard).await;
        assert_ne!(asked.is_ok(), discarded.unwrap());
        assert!(!letters.discard(ids[0]).await.unwrap());
        let left: Vec<_> = [failed(&runtime, 400).await, failed(&runtime, 500).await].into();
        assert_eq!(letters.discard_all(LetterFilter::new().text("401")).await.unwrap(), 1);
        let requeued = letters.requeue_all(LetterFilter::new().after(left[0])).await.unwrap();
        assert!(requeued.iter().any(|(id, new)| *id == left[1] && new.is_ok()), "{requeued:?}");
        runtime.advance(Duration::from_secs(60));
        // Only a store remembers it across restarts.
        let runtime = if store.is_some() { runtime.restart() } else { runtime };
        assert!(
            listed(&runtime, LetterFilter::new())
                .await
                .iter()
                .all(|id| !left.contains(id) && !ids.contains(id))
        );
    }
}

/// Waits for both, the one and the other in turn.
async fn both<A: Future + Unpin, B: Future + Unpin>(mut one: A, mut other: B) -> (A::Output, B::Output) {
    let (mut first, mut second) = (None, None);
    std::future::poll_fn(|context| {
        if first.is_none()
            && let std::task::Poll::Ready(done) = std::pin::Pin::new(&mut one).poll(context)
        {
            first = Some(done);
        }
        if second.is_none()
            && let std::task::Poll::Ready(done) = std::pin::Pin::new(&mut other).poll(context)
        {
            second = Some(done);
        }
        if first.is_some() && second.is_some() {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    (first.expect("it is done"), second.expect("it is done"))
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_threads_one_requeues() {
    let folder = Folder::new("letter-threads");
    for store in stores(&folder) {
        let log = Log::default();
        let runtime = match store {
            Some(store) => builder(&log).on(store).await.unwrap(),
            None => builder(&log).in_memory().await.unwrap(),
        };
        let job = runtime.submit(lead::with(200)).await.unwrap();
        job.outcome().await.unwrap_err();
        let asks: Vec<_> = (0..16)
            .map(|_| {
                let (letters, id) = (runtime.dead_letters(), job.id());
                tokio::spawn(async move { letters.requeue(id).await.is_ok() })
            })
            .collect();
        let mut won = 0;
        for ask in asks {
            won += usize::from(ask.await.unwrap());
        }
        assert_eq!(won, 1);
        runtime.shutdown(Duration::from_secs(5)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_whose_time_is_up_at_once_is_taken_in() {
    let log = Log::default();
    let runtime = builder(&log).on(Arc::new(MemoryStore::new())).await.unwrap();
    for n in 0..300 {
        // It may be over before it is asked whether it was written.
        let job = runtime.submit(put::with(n)).deadline(Duration::from_nanos(1)).await.unwrap();
        let _ = job.outcome().await;
    }
    runtime.shutdown(Duration::from_secs(5)).await;
}

#[tokio::test]
async fn wherever_the_process_ends_a_letter_is_requeued_once() {
    for records in 0..8 {
        let (log, store) = (Log::default(), Arc::new(MemoryStore::new()));
        let runtime = TestRuntime::on(builder(&log), 0, store.clone());
        let id = failed(&runtime, 200).await;
        log.take_sorted();
        runtime.crash_after(records);
        let ask = async {
            let requeue =
                std::future::IntoFuture::into_future(runtime.dead_letters().requeue(id).input(json!(7)));
            let mut requeue = std::pin::pin!(requeue);
            std::future::poll_fn(|context| {
                let poll = std::panic::AssertUnwindSafe(|| requeue.as_mut().poll(context).map(|_| ()));
                std::task::Poll::Ready(std::panic::catch_unwind(poll).is_ok())
            })
            .await
        };
        ask.await;
        let runtime = runtime.restart();
        // Whoever was not heard asks again.
        let _ = runtime.dead_letters().requeue(id).input(json!(7)).await;
        runtime.advance(Duration::from_secs(600));
        let all = runtime.history(workflow_runtime::JobFilter::new()).await.unwrap();
        let states: Vec<_> = all.iter().map(|head| head.state).collect();
        assert_eq!(states, [JobState::Failed, JobState::Succeeded], "after {records} records");
        assert!(!log.take_sorted().iter().any(|line| line.starts_with("get")));
    }
}

#[tokio::test]
async fn of_many_elements_only_the_one_that_failed_runs_again() {
    let log = Log::default();
    let runtime = TestRuntime::on(builder(&log), 0, Arc::new(MemoryStore::new()));
    let job = runtime.submit(Each { all: vec![1, 200, 3] }).await.unwrap();
    job.outcome().await.unwrap_err();
    log.take_sorted();
    let letter = runtime.dead_letters().show(job.id()).await.unwrap().unwrap();
    assert_eq!(letter.input, Some(json!(200)));
    let again = runtime.dead_letters().requeue(job.id()).input(json!(2)).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!([2, 4, 6]));
    assert_eq!(log.take_sorted(), ["double 2"]);
}

#[tokio::test]
async fn a_step_that_made_tasks_runs_again_with_them() {
    let log = Log::default();
    let runtime = TestRuntime::on(builder(&log), 0, Arc::new(MemoryStore::new()));
    let job = runtime.submit(Led { n: 200 }).await.unwrap();
    job.outcome().await.unwrap_err();
    assert_eq!(log.take_sorted(), ["get 200", "put 200"]);
    let again = runtime.dead_letters().requeue(job.id()).input(json!(5)).await.unwrap();
    assert_eq!(again.outcome().await.unwrap(), json!(6));
    assert_eq!(log.take_sorted(), ["get 5"]);
}

#[tokio::test]
async fn what_killed_its_process_is_a_letter_and_is_counted_anew() {
    let log = Log::default();
    let runtime = TestRuntime::on(builder(&log).deaths(2), 0, Arc::new(MemoryStore::new()));
    let id = runtime.submit(double::with(1)).await.unwrap().id();
    let mut runtime = runtime;
    for _ in 0..2 {
        runtime.run_until_idle();
        runtime = runtime.restart();
    }
    runtime.advance(Duration::from_secs(60));
    let letter = runtime.dead_letters().show(id).await.unwrap().unwrap();
    assert_eq!((letter.failure.kind, letter.attempts.len()), (FailureKind::Deadly, 2));
    assert!(letter.attempts[0].failure.is_none());
    let again = runtime.dead_letters().requeue(id).await.unwrap().id();
    runtime.run_until_idle();
    let runtime = runtime.restart();
    assert_eq!(runtime.job(again).unwrap().await.unwrap(), json!(2));
}

/// The workflow of a program in which the step stands elsewhere.
mod later {
    use super::{double, get, put};
    use workflow_runtime::prelude::*;

    workflow! {
        /// Another step comes first.
        pub workflow Steps(n: i64) -> i64 {
            phase zeroth { more = put(n); }
            phase first { got = get(more); }
            phase second { twice = double(got); }
            *twice
        }
    }
}

#[tokio::test]
async fn a_letter_that_does_not_fit_any_more_is_shown_and_may_begin_anew() {
    let (log, store) = (Log::default(), Arc::new(MemoryStore::new()));
    let id = failed(&TestRuntime::on(builder(&log), 0, store.clone()), 200).await;
    let registry = agents().workflow::<later::Steps>().build().unwrap();
    let builder = Runtime::builder().registry(registry).state(log.clone());
    let runtime = TestRuntime::on(builder, 0, store);
    let letter = runtime.dead_letters().show(id).await.unwrap().unwrap();
    assert_eq!((letter.step.as_deref(), letter.input), (Some("twice"), None));
    assert!(letter.misfit.unwrap().contains("step `got`"));
    assert_eq!(letter.failure.kind, FailureKind::Error);
    let misfit = runtime.dead_letters().requeue(id).await.unwrap_err();
    assert!(misfit.to_string().contains("requeue it `from_start`"), "{misfit}");
    let job = runtime.dead_letters().requeue(id).job_input(json!({ "n": 3 })).await.unwrap();
    assert_eq!(job.outcome().await.unwrap(), json!(8));
}
