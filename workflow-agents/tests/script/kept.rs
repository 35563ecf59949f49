//! Scripts change, and jobs that run keep what they began with.

use std::path::PathBuf;
use std::sync::Mutex;
use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_agents::policy::{Policy, Role};
use workflow_agents::{Lua, lua};
use workflow_runtime::Outcome;
use workflow_runtime::prelude::*;

use crate::setting::{AsCritic, Folder, Setting};

/// Writes a file.
#[task_agent]
async fn rewrite(file: PathBuf, text: String) -> Result<bool, AgentError> {
    std::fs::write(file, text)?;
    Ok(true)
}

workflow! {
    /// Two steps of one script, which changes between them.
    workflow Twice(script: Lua, file: PathBuf, text: String) -> Vec<Json> {
        phase first {
            #[role("critic")]
            one = lua(script.clone());
        }
        phase change {
            done = rewrite(file, text);
        }
        phase second {
            #[role("critic")]
            other = lua(script);
        }
        vec![one.clone(), other.clone(), Json::Bool(*done)]
    }
}

workflow! {
    /// A script that is tried again.
    workflow Again(script: Lua) -> Json {
        phase run {
            #[role("critic")]
            #[retry(max = 2, first = "1ms")]
            #[on_retry(change)]
            given = lua(script);
        }
        given
    }
}

/// What is written before a script is tried again.
static CHANGE: Mutex<Option<(PathBuf, String)>> = Mutex::new(None);

fn change(_: &Outcome<'_>) {
    let change = CHANGE.lock().expect("nobody panics").take();
    if let Some((file, text)) = change {
        std::fs::write(file, text).expect("it is written");
    }
}

#[tokio::test]
async fn a_file_that_changes_is_another_script_for_the_next_job() {
    let folder = Folder::new();
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    for number in [1, 2, 3] {
        folder.file("judge.lua", format!("return {number}"));
        assert_eq!(setting.run(Lua::file("judge.lua")).await, Ok(json!(number)));
    }
}

#[tokio::test]
async fn later_steps_of_a_job_use_the_script_that_it_began_with() {
    let folder = Folder::new();
    let file = folder.file("judge.lua", "return 'old'");
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    let script = Lua::file("judge.lua");
    let twice = Twice { script: script.clone(), file: file.clone(), text: "return 'new'".to_owned() };
    assert_eq!(setting.runtime.run(twice).await.unwrap(), [json!("old"), json!("old"), json!(true)]);
    assert_eq!(setting.run(script).await, Ok(json!("new")));
}

#[tokio::test]
async fn what_a_link_leads_to_is_kept_too() {
    let folder = Folder::new();
    folder.file("v1/judge.lua", "return 'old'");
    folder.file("v2/judge.lua", "return 'new'");
    std::os::unix::fs::symlink("v1", folder.0.join("now")).unwrap();
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    // The link is put elsewhere by the script's own job, whose middle step runs in this process.
    let script = Lua::file("now/judge.lua");
    let job =
        setting.runtime.submit(Linked { script: script.clone(), folder: folder.0.clone() }).await.unwrap();
    assert_eq!(job.await.unwrap(), [json!("old"), json!("old"), json!(true)]);
    assert_eq!(setting.run(script).await, Ok(json!("new")));
}

/// Puts a link elsewhere.
#[task_agent]
async fn relink(folder: PathBuf) -> Result<bool, AgentError> {
    std::fs::remove_file(folder.join("now"))?;
    std::os::unix::fs::symlink("v2", folder.join("now"))?;
    Ok(true)
}

workflow! {
    /// Two steps of one script, with a link put elsewhere between them.
    workflow Linked(script: Lua, folder: PathBuf) -> Vec<Json> {
        phase first {
            #[role("critic")]
            one = lua(script.clone());
        }
        phase change {
            done = relink(folder);
        }
        phase second {
            #[role("critic")]
            other = lua(script);
        }
        vec![one.clone(), other.clone(), Json::Bool(*done)]
    }
}

#[tokio::test]
async fn a_step_that_is_tried_again_uses_the_script_that_it_began_with() {
    let folder = Folder::new();
    let file = folder.file("judge.lua", "error('old', 0)");
    *CHANGE.lock().unwrap() = Some((file.clone(), "return 'new'".to_owned()));
    let setting = Setting::with(Role::new().read(&folder.0)).await;
    let told = setting
        .runtime
        .run(Again { script: Lua::file("judge.lua") })
        .await
        .expect_err("it fails")
        .to_string();
    assert!(told.contains("attempt 3") && told.contains("old"), "{told}");
    assert_eq!(std::fs::read_to_string(file).unwrap(), "return 'new'", "it has changed");
}

async fn opened(folder: &Folder) -> Runtime {
    let policy = Policy::new().role("critic", Role::new().tool("lua").library("os").read(&folder.0));
    Runtime::builder().state(policy).open(folder.0.join("jobs.db")).await.expect("it opens")
}

/// Says which it is, and goes on until a moment that it is given.
fn until_then(word: &str) -> String {
    format!("progress(0, '{word}') while os.time() < input do end return '{word}'")
}

#[tokio::test]
async fn a_restart_does_not_change_the_script_of_a_step_that_has_begun() {
    let folder = Folder::new();
    let file = folder.file("judge.lua", until_then("old"));
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
    let script = Lua::file("judge.lua").input(now + 3);
    let runtime = opened(&folder).await;
    let twice = Twice { script: script.clone(), file: file.clone(), text: until_then("newer") };
    let job = runtime.submit(twice).await.unwrap();
    let id = job.id();
    assert_eq!(job.progress().next().await.expect("it runs").message.as_ref(), "old");
    drop(job);
    assert_eq!(runtime.shutdown(Duration::ZERO).await, 1);
    drop(runtime);
    folder.file("judge.lua", until_then("new"));
    let runtime = opened(&folder).await;
    let job = runtime.fetch(id).await.unwrap().expect("it is there");
    // The step that is tried again tells those behind it, too.
    assert_eq!(job.outcome().await.unwrap(), json!(["old", "old", true]));
    let job = runtime.submit(AsCritic { script: script.input(0) }).await.unwrap();
    assert_eq!(job.await.unwrap(), json!("newer"));
}
