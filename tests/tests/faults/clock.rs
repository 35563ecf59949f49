//! The clock is set while no process runs: ahead, or back.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::store::{Filter, MemoryStore, Store};
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, FailureKind, JobFilter, JobHandle, JobId, JobState, Registry};
use workflow_tests::random::{self, Rng, World, mix};

const HOUR: Duration = Duration::from_secs(3600);
const DAY: Duration = Duration::from_secs(24 * 3600);

/// Fails once, and is tried again in an hour.
#[task_agent(retry(max = 3, first = "1h", factor = 1))]
async fn fail_once(ctx: &TaskContext) -> Result<u32, AgentError> {
    if ctx.attempt() == 1 { Err(AgentError::retry("once")) } else { Ok(ctx.attempt()) }
}

#[task_agent]
async fn number() -> u32 {
    1
}

workflow! {
    pub workflow Sleepy() -> u32 {
        phase rest { sleep("1h"); }
        phase then { one = number(); }
        *one
    }
}

workflow! {
    pub workflow Waits() -> u32 {
        phase only { word = signal::<u32>("word"); }
        *word
    }
}

workflow! {
    pub workflow WaitsNotLong() -> u32 {
        phase only {
            #[timeout("2h")]
            #[optional]
            word = signal::<u32>("word");
        }
        word.unwrap_or(7)
    }
}

/// Jobs that wait for time, each in its own way, on a store.
struct Waiting {
    runtime: TestRuntime,
    sleepy: JobId,
    fails: JobId,
    delayed: JobId,
    late: JobId,
    patient: JobId,
    impatient: JobId,
}

async fn begin() -> Waiting {
    let builder = Registry::builder().agent::<fail_once>().agent::<number>();
    let builder = builder.workflow::<Sleepy>().workflow::<Waits>().workflow::<WaitsNotLong>();
    let builder = Runtime::builder().registry(builder.build().expect("they are right")).jitter(0.0);
    let runtime = TestRuntime::on(builder, 0, Arc::new(MemoryStore::new()));
    let sleepy = runtime.submit(Sleepy {}).await.expect("nothing is in its way").id();
    let fails = runtime.submit(fail_once::with()).await.expect("nothing is in its way").id();
    let delayed =
        runtime.submit(number::with()).delay("3h").unique("one").await.expect("nothing is in its way").id();
    let late = runtime.submit(Waits {}).deadline("4h").await.expect("nothing is in its way").id();
    let patient = runtime.submit(Waits {}).await.expect("nothing is in its way").id();
    let impatient = runtime.submit(WaitsNotLong {}).await.expect("nothing is in its way").id();
    runtime.advance(HOUR / 2);
    runtime.crash_after(0);
    runtime.run_until_idle();
    Waiting { runtime, sleepy, fails, delayed, late, patient, impatient }
}

fn job(runtime: &TestRuntime, id: JobId) -> JobHandle<serde_json::Value> {
    runtime.job(id).unwrap_or_else(|| panic!("job {id} is lost"))
}

#[tokio::test]
async fn when_it_was_set_ahead_what_became_due_happens_at_once() {
    let all = begin().await;
    let next = all.runtime.restart_at(all.runtime.now() + DAY);
    next.advance(Duration::ZERO);
    let result = |id| job(&next, id).result().unwrap_or_else(|| panic!("{:?}", job(&next, id).tasks()));
    assert_eq!(result(all.sleepy).unwrap(), json!(1));
    assert_eq!(result(all.fails).unwrap(), json!(2));
    assert_eq!(result(all.delayed).unwrap(), json!(1));
    assert_eq!(result(all.impatient).unwrap(), json!(7));
    let late = result(all.late).unwrap_err();
    assert_eq!((late.kind, &*late.message), (FailureKind::Expired, "its deadline passed"));
    // Who waits for a word waits on.
    assert_eq!(job(&next, all.patient).state(), JobState::Running);
    job(&next, all.patient).signal("word", 3).await.unwrap();
    assert_eq!(result(all.patient).unwrap(), json!(3));
    next.check_journals().unwrap();
}

#[tokio::test]
async fn when_it_was_set_back_nothing_is_lost_and_what_is_due_is_due_when_the_clock_says_so() {
    let all = begin().await;
    let next = all.runtime.restart_at(all.runtime.now() - DAY);
    next.advance(HOUR);
    for id in [all.sleepy, all.fails, all.delayed, all.late, all.patient, all.impatient] {
        assert!(!job(&next, id).state().is_over(), "{:?}", job(&next, id).tasks());
    }
    // What is new is new, though it is older by its date; what is promised still is.
    let new = next.submit(number::with()).await.unwrap();
    assert_eq!(new.outcome().await.unwrap(), 1);
    assert!(next.submit(number::with()).unique("one").await.is_err());
    job(&next, all.patient).signal("word", 3).await.unwrap();
    assert_eq!(job(&next, all.patient).outcome().await.unwrap(), json!(3));

    next.advance(DAY - HOUR + 3 * HOUR);
    assert_eq!(job(&next, all.sleepy).result().unwrap().unwrap(), json!(1));
    assert_eq!(job(&next, all.fails).result().unwrap().unwrap(), json!(2));
    assert_eq!(job(&next, all.delayed).result().unwrap().unwrap(), json!(1));
    assert_eq!(job(&next, all.impatient).result().unwrap().unwrap(), json!(7));
    assert!(!job(&next, all.late).state().is_over());
    next.advance(HOUR);
    assert_eq!(job(&next, all.late).state(), JobState::Expired);
    next.check_journals().unwrap();
    let kept = next.history(JobFilter::new()).await.unwrap();
    assert_eq!(kept.len(), 7);
    // Once more, with a clock that is right again.
    let last = next.restart_at(all.runtime.now() + DAY);
    assert_eq!(last.jobs(&JobFilter::new()).len(), 0, "all of them are over");
    assert_eq!(last.fetch(new.id()).await.unwrap().unwrap().result().unwrap().unwrap(), json!(1));
}

/// The keys of the attempts that began, in order.
type Begun = Arc<Mutex<Vec<String>>>;

fn begun(begun: &Begun) -> std::sync::MutexGuard<'_, Vec<String>> {
    begun.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Random workflows, in a process that ends again and again and finds another time each time.
#[tokio::test]
async fn whatever_the_clock_says_every_job_ends_and_nothing_is_done_again() {
    let mut crashed = 0;
    for seed in 0..60 {
        let log = Begun::default();
        let noted = Arc::clone(&log);
        let world = World::new(move |name, context, inputs| {
            begun(&noted).push(context.idempotency_key());
            let (context, given) = (context.clone(), mix(name, inputs));
            Box::pin(async move {
                context.sleep(Duration::from_millis(given.unsigned_abs() % 7 * 100)).await;
                if given % 9 == 0 { Err(AgentError::permanent("it fails")) } else { Ok(given) }
            })
        });
        let registry = random::registry(seed, 25).unwrap_or_else(|problems| panic!("{problems}"));
        let builder = Runtime::builder().deaths(u32::MAX).registry(registry).state(world);
        let store = Arc::new(MemoryStore::new());
        let mut runtime = TestRuntime::on(builder, seed, Arc::clone(&store) as Arc<dyn Store>);
        let id = runtime.submit_json("Sim0", json!({"n": seed % 50})).await.unwrap().id();
        let mut rng = Rng::new(!seed);
        for _ in 0..6 {
            runtime.crash_after(usize::try_from(rng.below(25)).unwrap());
            accompany(&runtime).await;
            if !runtime.has_crashed() {
                break;
            }
            crashed += 1;
            let done = done(&store);
            let before = begun(&log).len();
            let now = runtime.now();
            let hours = u32::try_from(rng.below(48)).unwrap();
            runtime =
                runtime.restart_at(if rng.chance(50) { now + HOUR * hours } else { now - HOUR * hours });
            runtime.run_until_idle();
            let again = begun(&log)[before..].iter().find(|key| done.contains(*key)).cloned();
            assert_eq!(again, None, "seed {seed}: it was done, and is done again");
        }
        if runtime.has_crashed() {
            runtime = runtime.restart();
        }
        accompany(&runtime).await;
        let state = runtime.history(JobFilter::new()).await.unwrap();
        assert!(state.iter().all(|head| head.state.is_over()), "seed {seed}: {state:#?}");
        assert!(state.iter().any(|head| head.id == id), "seed {seed}: it is lost");
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
    }
    assert!(crashed > 100, "{crashed}");
}

/// Lets time pass, and tells each job what it may await.
async fn accompany(runtime: &TestRuntime) {
    for _ in 0..60 {
        let all = runtime.jobs(&JobFilter::new());
        for job in all.iter().filter(|job| !job.state.is_over()).filter_map(|job| runtime.job(job.id)) {
            for event in ["sig0", "sig1", "sig2", "sig3"] {
                if !runtime.has_crashed() {
                    let _ = job.signal(event, 7).await;
                }
            }
        }
        runtime.advance(2 * DAY);
        if runtime.has_crashed() || runtime.jobs(&JobFilter::new()).iter().all(|job| job.state.is_over()) {
            return;
        }
    }
}

/// The tasks whose outcomes are written, by their idempotency keys.
fn done(store: &MemoryStore) -> HashSet<String> {
    let mut done = HashSet::new();
    for head in store.list(&Filter::default()).expect("nothing is in its way") {
        for line in store
            .read(head.id)
            .expect("nothing is in its way")
            .expect("it works")
            .records()
            .expect("it works")
        {
            if let (Fact::Succeeded { .. }, Some(step)) = (&line.record.fact, &line.step) {
                done.insert(format!("{}/{step}", head.id));
            }
        }
    }
    done
}
