//! Random workflows whose process ends at a random instant, again and again: they end as they would have without.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::{Fact, JobFilter, JobId, Registry};
use workflow_tests::random::{self, Rng, World, mix};

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

/// The agents, and one random workflow without children.
fn registry(seed: u64) -> Arc<Registry> {
    let agents = Registry::builder().agent::<random::zero>().agent::<random::one>().agent::<random::two>();
    let agents = agents.agent::<random::maybe>().agent::<random::total>().agent::<random::spare>();
    let spec = random::workflow(&mut Rng::new(seed), "Sim0", &[], 25);
    let built = agents.agent::<random::give_back>().workflow_spec(spec).build();
    Arc::new(built.unwrap_or_else(|problems| panic!("seed {seed}: {problems}")))
}

async fn begin(seed: u64, registry: &Arc<Registry>, begun: &Begun) -> (TestRuntime, JobId) {
    let builder = Runtime::builder().deaths(u32::MAX).registry(Arc::clone(registry)).state(world(begun));
    let runtime = TestRuntime::seeded(builder, seed);
    let job = runtime.submit_json("Sim0", json!({"n": seed % 50})).await.expect("it is taken in");
    for event in ["sig0", "sig1", "sig2", "sig3"] {
        // Those that it does not await are refused.
        let _ = job.signal(event, 7).await;
    }
    (runtime, job.id())
}

fn settle(runtime: &TestRuntime) {
    runtime.advance(Duration::from_secs(400 * 24 * 3600));
}

/// What it gave, or that it failed.
fn ending(runtime: &TestRuntime, id: JobId) -> Option<Result<Value, ()>> {
    runtime.job(id)?.result().map(|result| result.map_err(|_| ()))
}

fn done(runtime: &TestRuntime, id: JobId) -> HashSet<String> {
    let tasks = runtime.job(id).map(|job| job.tasks()).unwrap_or_default();
    tasks.into_iter().filter(|task| task.state.was_done()).map(|task| format!("{id}/{}", task.path)).collect()
}

#[tokio::test]
async fn a_random_workflow_ends_as_if_nothing_had_happened() {
    let (mut ended, mut failed, mut crashed) = (0, 0, 0);
    for seed in 0..400 {
        let (registry, begun) = (registry(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        settle(&runtime);
        let expected = ending(&runtime, id);
        let state = runtime.job(id).map(|job| job.tasks());
        assert!(expected.is_some(), "seed {seed}: it never ends: {state:?}");
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        match expected {
            Some(Ok(_)) => ended += 1,
            _ => failed += 1,
        }
        let mut rng = Rng::new(!seed);
        let (mut runtime, id) = begin(seed, &registry, &begun).await;
        for _ in 0..8 {
            runtime.crash_after(usize::try_from(rng.below(25)).unwrap());
            settle(&runtime);
            if !runtime.has_crashed() {
                break;
            }
            crashed += 1;
            let (before, done) = (begun.lock().unwrap().len(), done(&runtime, id));
            runtime = runtime.restart();
            runtime.run_until_idle();
            let again = begun.lock().unwrap()[before..].iter().find(|key| done.contains(*key)).cloned();
            assert_eq!(again, None, "seed {seed}: it was done, and is done again");
        }
        if runtime.has_crashed() {
            runtime = runtime.restart();
        }
        settle(&runtime);
        assert_eq!(ending(&runtime, id), expected, "seed {seed}");
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        let open = runtime.jobs(&JobFilter::new()).into_iter().find(|job| !job.state.is_over());
        assert_eq!(open, None, "seed {seed}");
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(ended > 50 && failed > 50 && crashed > 400, "{ended} ended, {failed} failed, {crashed} crashes");
}

/// Four random workflows; each may call those behind it.
fn family(seed: u64) -> Arc<Registry> {
    Arc::new(random::registry(seed, 25).unwrap_or_else(|problems| panic!("seed {seed}: {problems}")))
}

/// Tells all jobs that await one of the events, early.
async fn tell(runtime: &TestRuntime, told: &mut HashSet<JobId>) {
    for status in runtime.jobs(&JobFilter::new()) {
        if let Some(job) = runtime.job(status.id)
            && told.insert(status.id)
        {
            for event in ["sig0", "sig1", "sig2", "sig3"] {
                let _ = job.signal(event, 7).await;
            }
        }
    }
}

/// Lets time pass, half an hour at once, and tells each job that begins meanwhile what it may await.
async fn accompany(runtime: &TestRuntime) {
    for _ in 0..400 {
        runtime.advance(Duration::from_secs(1800));
        let open: Vec<_> =
            runtime.jobs(&JobFilter::new()).into_iter().filter(|job| !job.state.is_over()).collect();
        if open.is_empty() || runtime.has_crashed() {
            return;
        }
        for job in open.iter().filter_map(|status| runtime.job(status.id)) {
            let journal = job.journal();
            for event in ["sig0", "sig1", "sig2", "sig3"] {
                let is_told = journal.iter().any(
                    |record| matches!(&record.fact, Fact::Signalled { event: told, .. } if &**told == event),
                );
                if !is_told && !runtime.has_crashed() {
                    let _ = job.signal(event, 7).await;
                }
            }
        }
    }
}

#[tokio::test]
async fn a_random_family_of_workflows_ends_as_if_nothing_had_happened() {
    let (mut children, mut crashed) = (0, 0);
    for seed in 0..150 {
        let (registry, begun) = (family(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        accompany(&runtime).await;
        let expected = ending(&runtime, id);
        assert!(expected.is_some(), "seed {seed}: it never ends");
        children += runtime.jobs(&JobFilter::new()).len() - 1;
        let mut rng = Rng::new(!seed);
        let (mut runtime, id) = begin(seed, &registry, &begun).await;
        for _ in 0..8 {
            runtime.crash_after(usize::try_from(rng.below(40)).unwrap());
            accompany(&runtime).await;
            if !runtime.has_crashed() {
                break;
            }
            crashed += 1;
            runtime = runtime.restart();
        }
        if runtime.has_crashed() {
            runtime = runtime.restart();
        }
        accompany(&runtime).await;
        assert_eq!(ending(&runtime, id), expected, "seed {seed}");
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        let open = runtime.jobs(&JobFilter::new()).into_iter().find(|job| !job.state.is_over());
        assert_eq!(open, None, "seed {seed}");
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(children > 100 && crashed > 200, "{children} children, {crashed} crashes");
}

#[tokio::test]
async fn a_random_workflow_that_is_cancelled_and_whose_process_ends_is_over() {
    let mut crashed = 0;
    for seed in 0..400 {
        let (registry, begun) = (family(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        let mut rng = Rng::new(!seed);
        runtime.advance(Duration::from_millis(rng.below(1500)));
        runtime.cancel(id, "enough").await;
        runtime.run_until_idle();
        let was_stopped = !runtime.job(id).unwrap().status().state.is_going();
        runtime.crash_after(usize::try_from(rng.below(8)).unwrap());
        runtime.advance(Duration::from_secs(600));
        crashed += usize::from(runtime.has_crashed());
        let next = runtime.restart();
        let before = begun.lock().unwrap().len();
        next.advance(Duration::from_secs(600));
        assert!(was_stopped, "seed {seed}");
        for status in next.jobs(&JobFilter::new()) {
            let tasks = next.job(status.id).map(|job| job.tasks());
            assert!(status.state.is_over(), "seed {seed}: {} {} {tasks:?}", status.name, status.state);
        }
        let again: Vec<String> = begun.lock().unwrap()[before..].to_vec();
        assert!(again.iter().all(|key| key.contains("/undo/")), "seed {seed}: {again:?}");
        next.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        for queue in next.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(crashed > 50, "{crashed}");
}

#[tokio::test]
async fn a_random_workflow_that_is_paused_now_and_then_ends_as_if_nothing_had_happened() {
    let mut paused = 0;
    for seed in 0..400 {
        let (registry, begun) = (registry(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        settle(&runtime);
        let expected = ending(&runtime, id);
        let mut rng = Rng::new(!seed);
        let (runtime, id) = begin(seed, &registry, &begun).await;
        let job = runtime.job(id).unwrap();
        runtime.run_until_idle();
        for _ in 0..10 {
            runtime.advance(Duration::from_millis(rng.below(400)));
            paused += usize::from(job.pause().await);
            runtime.advance(Duration::from_millis(rng.below(400)));
            job.resume().await;
        }
        settle(&runtime);
        assert_eq!(ending(&runtime, id), expected, "seed {seed}: {:?}", job.tasks());
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(paused > 1000, "{paused}");
}

#[tokio::test]
async fn a_random_family_of_workflows_that_is_cancelled_ends() {
    let (mut children, mut cancelled) = (0, 0);
    for seed in 0..400 {
        let (registry, begun) = (family(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        let mut rng = Rng::new(!seed);
        let mut told = HashSet::from([id]);
        for _ in 0..rng.below(8) {
            runtime.advance(Duration::from_millis(rng.below(500)));
            tell(&runtime, &mut told).await;
        }
        let all = runtime.jobs(&JobFilter::new());
        let one = rng.pick(&all).id;
        runtime.cancel(one, "enough").await;
        runtime.advance(Duration::from_millis(rng.below(300)));
        runtime.cancel(id, "enough").await;
        runtime.advance(Duration::from_secs(600));
        let all = runtime.jobs(&JobFilter::new());
        children += all.len() - 1;
        for status in all {
            let tasks = runtime.job(status.id).map(|job| job.tasks()).unwrap_or_default();
            assert!(status.state.is_over(), "seed {seed}: {} {} {tasks:?}", status.name, status.state);
            assert!(tasks.iter().all(|task| task.state.is_over()), "seed {seed}: {tasks:?}");
            cancelled += usize::from(status.state == workflow_runtime::JobState::Cancelled);
        }
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(children > 100 && cancelled > 200, "{children} children, {cancelled} cancelled");
}

#[tokio::test]
async fn a_random_workflow_that_is_cancelled_ends() {
    let mut cancelled = 0;
    for seed in 0..600 {
        let (registry, begun) = (registry(seed), Begun::default());
        let (runtime, id) = begin(seed, &registry, &begun).await;
        let mut rng = Rng::new(!seed);
        runtime.advance(Duration::from_millis(rng.below(1500)));
        let job = runtime.job(id).unwrap_or_else(|| panic!("seed {seed}: it is gone"));
        let was_open = job.cancel("enough").await;
        runtime.advance(Duration::from_millis(rng.below(300)));
        // Long enough for the undos, and for what does not listen.
        runtime.advance(Duration::from_secs(600));
        let done = job.tasks();
        assert!(job.state().is_over(), "seed {seed}: {} {done:?}", job.state());
        assert!(done.iter().all(|task| task.state.is_over()), "seed {seed}: {done:?}");
        cancelled += usize::from(was_open && job.state() == workflow_runtime::JobState::Cancelled);
        runtime.check_journals().unwrap_or_else(|problem| panic!("seed {seed}: {problem}"));
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
    assert!(cancelled > 200, "{cancelled}");
}

/// The same, in threads: whoever wins a race, what pure agents give is what the workflow says.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn threads_give_what_one_thread_gives() {
    for seed in 0..150 {
        let registry = registry(seed);
        let expected = {
            let begun = Begun::default();
            let (runtime, id) = begin(seed, &registry, &begun).await;
            settle(&runtime);
            ending(&runtime, id)
        };
        // The same outcomes, at once or after a turn of tokio's.
        let world = World::new(|name, _, inputs| {
            let given = mix(name, inputs);
            Box::pin(async move {
                for _ in 0..given % 4 {
                    tokio::task::yield_now().await;
                }
                if given % 9 == 0 { Err(AgentError::permanent("it fails")) } else { Ok(given) }
            })
        });
        if registry.workflows()[0].plan().definition().nodes.iter().any(sleeps) {
            continue;
        }
        let builder = Runtime::builder().deaths(u32::MAX).registry(Arc::clone(&registry)).state(world);
        let runtime = builder.jitter(1.0).in_memory().await.unwrap();
        let mut jobs = Vec::new();
        for _ in 0..20 {
            let job = runtime.submit_json("Sim0", json!({"n": seed % 50})).await.unwrap();
            for event in ["sig0", "sig1", "sig2", "sig3"] {
                let _ = job.signal(event, 7).await;
            }
            jobs.push(job);
        }
        for job in jobs {
            let ended = tokio::time::timeout(Duration::from_secs(20), job.outcome()).await;
            let Ok(ended) = ended else {
                panic!("seed {seed}: it never ends: {} {:?}", job.state(), job.tasks())
            };
            assert_eq!(Some(ended.map_err(|_| ())), expected, "seed {seed}");
        }
        for queue in runtime.queues() {
            assert_eq!((queue.running, queue.waiting), (0, 0), "seed {seed}: {}", queue.name);
        }
    }
}

/// Whether a node waits for time, so that threads would have to.
fn sleeps(node: &workflow_runtime::Node) -> bool {
    matches!(node.kind, workflow_runtime::NodeKind::Sleep { .. })
}
