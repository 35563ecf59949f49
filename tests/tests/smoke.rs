use std::time::Duration;
use workflow_runtime::prelude::*;
use workflow_runtime::testing::TestRuntime;
use workflow_runtime::*;
use workflow_tests::Walker;
use workflow_tests::random::{self, Rng, World};

#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
}

workflow! {
    /// W
    pub workflow Chain(n: i64) -> i64 {
        phase a { x = double(n); y = double(x); }
        phase b { z = double(y); list = for i in (0..*z).collect::<Vec<_>>() { double(i) }; }
        list.len() as i64 + z
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs() {
    let runtime = Runtime::builder().state(World::pure()).in_memory().await.unwrap();
    assert_eq!(runtime.run(Chain { n: 3 }).await.unwrap(), 48);
    assert_eq!(runtime.run(double::call(4)).await.unwrap(), 8);
    let job = runtime.submit(Chain { n: 1 }).await.unwrap();
    assert_eq!(job.await.unwrap(), 16);
}

#[tokio::test]
async fn random_ones() {
    for seed in 0..300 {
        let registry: std::sync::Arc<Registry> = std::sync::Arc::new(random::registry(seed, 30).unwrap());
        let input = serde_json::json!({"n": seed});
        let expected = {
            let mut walker = Walker::new(&registry).resources(Resources::new().with_state(World::pure()));
            for s in ["sig0", "sig1", "sig2", "sig3"] {
                walker = walker.signal(s, 7_i64);
            }
            walker.run("Sim0", input.clone()).await.map_err(|e| e.to_string())
        };
        let runtime = TestRuntime::seeded(Runtime::builder().registry(registry).state(World::pure()), seed);
        let job = runtime.submit_json("Sim0", input).await.unwrap();
        runtime.run_until_idle();
        for _ in 0..5000 {
            if job.result().is_some() {
                break;
            }
            for status in runtime.jobs(&JobFilter::new()) {
                if status.state.is_over() {
                    continue;
                }
                let handle = runtime.job(status.id).unwrap();
                for s in ["sig0", "sig1", "sig2", "sig3"] {
                    let key = format!("{s}");
                    let already = handle
                        .journal()
                        .iter()
                        .any(|r| matches!(&r.fact, Fact::Signalled{event,..} if **event == *key));
                    if !already {
                        if let Err(e) = handle.signal(s, 7).await {
                            if seed == 41 && status.name.contains("Sim3") {
                                println!("{} {e}", runtime.elapsed().as_secs())
                            }
                        }
                    }
                }
            }
            runtime.advance(Duration::from_secs(600));
            if seed == 41 {
                println!(
                    "at {} jobs {:?}",
                    runtime.elapsed().as_secs(),
                    runtime.jobs(&JobFilter::new()).len()
                );
            }
        }
        let got = job
            .result()
            .unwrap_or_else(|| panic!("{seed}: {:?} {:#?}", job.status(), job.tasks()))
            .map_err(|e| e.to_string());
        runtime.check_journals().unwrap();
        match (&expected, &got) {
            (Ok(a), Ok(b)) => assert_eq!(a, b, "seed {seed}"),
            (Err(_), Err(_)) => {}
            _ => {
                for st in runtime.jobs(&JobFilter::new()) {
                    println!("{st:?}");
                    for r in runtime.job(st.id).unwrap().journal() {
                        println!("{r:?}");
                    }
                }
                panic!("seed {seed}: {expected:?} {got:?}")
            }
        }
    }
}
