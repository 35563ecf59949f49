//! That nothing is left running, and nobody held up.

use std::time::{Duration, Instant};

use serde_json::json;
use workflow_agents::Lua;

use crate::setting::Setting;

/// A script that goes on until it is ended, and says so.
const ENDLESS: &str = "progress(0, 'on') while true do pcall(function() while true do end end) end";

#[tokio::test]
async fn who_is_cancelled_ends() {
    let setting = Setting::plain().await;
    let job = setting.submit(Lua::new(ENDLESS)).await;
    job.progress().next().await.expect("it runs");
    let began = Instant::now();
    assert!(job.cancel("enough").await);
    drop(job.await.expect_err("it is cancelled"));
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test]
async fn a_step_has_five_seconds_unless_it_is_said() {
    let setting = Setting::plain().await;
    let began = Instant::now();
    let told = setting.fails(ENDLESS).await;
    assert!((4..9).contains(&began.elapsed().as_secs()), "{told}");
}

/// The runtime's one thread goes on with others while many scripts run for ever.
#[tokio::test]
async fn nobody_waits_for_scripts_that_do_not_end() {
    let setting = Setting::plain().await;
    let mut endless = Vec::new();
    for _ in 0..8 {
        let job = setting.submit(Lua::new(ENDLESS)).await;
        job.progress().next().await.expect("it runs");
        endless.push(job);
    }
    assert_eq!(setting.gives("return 1").await, json!(1));
    for job in endless {
        assert!(job.cancel("enough").await);
        drop(job.await);
    }
}
