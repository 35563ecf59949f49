//! What a schema marks as secret is seen by nobody who looks by the command line.

use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::said::{Said, say, say_beside};

/// How one logs in somewhere.
#[data]
pub struct Login {
    /// Who.
    user: String,
    /// Known to him only.
    #[schemars(extend("writeOnly" = true))]
    password: String,
}

/// Logs in, and talks too much when it fails.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn log_in(login: Login) -> Result<Login, AgentError> {
    if login.user == "ann" {
        return Ok(login);
    }
    Err(AgentError::permanent(format!("{} could not log in with {}", login.user, login.password)))
}

workflow! {
    /// Logs in.
    pub workflow LogsIn(login: Login) -> Login {
        phase work { done = log_in(login.clone()); }
        done.clone()
    }
}

const SECRET: &str = "hunter22";

fn hides(said: &Said, told: &str) {
    assert!(said.out.contains(told) || said.err.contains(told), "{said:?}");
    assert!(!said.out.contains(SECRET) && !said.err.contains(SECRET), "{said:?}");
}

fn input(user: &str) -> String {
    json!({ "login": { "user": user, "password": SECRET } }).to_string()
}

#[test]
fn no_command_tells_a_secret() {
    let folder = Folder::new("secrets");
    let file = folder.file("jobs.db").display().to_string();
    let with = |words: &[&str]| say(&[words, &["--store", &file]].concat());
    let done = with(&["run", "LogsIn", "--input", &input("ann")]);
    assert_eq!(done.exit, 0, "{done:?}");
    hides(&done, "•••");
    let failed = with(&["run", "LogsIn", "--input", &input("bob")]);
    assert_eq!(failed.exit, 1);
    hides(&failed, "bob could not log in with •••");
    for words in [&["jobs"][..], &["jobs", "--json"], &["dead"], &["dead", "--json"]] {
        hides(&with(words), "bob could not log in with •••");
    }
    let ids: Vec<String> = with(&["jobs", "--json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|job| job["id"].as_str().unwrap().to_owned())
        .collect();
    for id in &ids {
        for words in [&["job", id][..], &["job", id, "--json"], &["watch", id, "--json"]] {
            hides(&with(words), "•••");
        }
    }
    hides(&with(&["watch", &ids[0]]), "bob could not log in with •••");
    let kept = with(&["export", &ids[0]]);
    assert!(kept.out.contains(SECRET), "an export is the job itself: {kept:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nor_does_one_that_is_done_by_another_process() {
    let folder = Folder::new("secrets-beside");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.unwrap();
    let path = file.display().to_string();
    for (user, told) in [("ann", "•••"), ("bob", "bob could not log in with •••")] {
        hides(&say_beside(&["run", "LogsIn", "--input", &input(user), "--store", &path]).await, told);
    }
    runtime.shutdown(Duration::from_secs(1)).await;
}
