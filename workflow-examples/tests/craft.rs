//! Agents at work: what is planned is written, tested and judged, and who may not is refused, all in one job.

#![cfg(target_os = "linux")]

use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value as Json, json};

/// A folder that goes with the test.
struct Workshop(PathBuf);

impl Workshop {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("workflow-craft-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("it is made");
        Self(folder)
    }

    /// What a command prints, as JSON.
    fn said(&self, words: &[&str]) -> Json {
        let mut program = Command::new(env!("CARGO_BIN_EXE_craft"));
        program.current_dir(&self.0).args(words).args(["--json", "--store", "jobs.db"]);
        // The stand-in, and no model that costs money.
        for variable in ["ANTHROPIC_API_KEY", "OPENAI_API_KEY", "GEMINI_API_KEY", "WORKFLOW_CONFIG"] {
            program.env_remove(variable);
        }
        let ran = program.output().expect("it can be run");
        let (out, err) = (String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
        serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}: {out}{err}"))
    }
}

impl Drop for Workshop {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

fn step<'a>(job: &'a Json, path: &str) -> &'a Json {
    let steps = job["steps"].as_array().expect("there are steps");
    steps.iter().find(|step| step["path"] == path).unwrap_or_else(|| panic!("{path}: {job}"))
}

#[test]
fn what_is_planned_is_written_tested_and_judged_and_who_may_not_is_refused() {
    let workshop = Workshop::new();
    let crafted = workshop.said(&["run", "Craft", "--input", r#"{"task": "greet people"}"#]);
    assert_eq!(crafted["judgement"]["accepted"], true, "{crafted}");
    assert_eq!(crafted["files"], json!(["greet.sh", "test.sh"]));
    assert!(crafted["cost_cents"].as_f64().is_some_and(|cents| cents > 0.0), "{crafted}");
    assert_eq!(crafted["critic_meddled"], false);
    let written = std::fs::read_to_string(workshop.0.join(Path::new("target/craft/greet.sh")));
    assert!(written.is_ok_and(|text| text.contains("Hello, ${1:-world}!")));
    // Every agent is a step of the one job, the one that was refused, too.
    let jobs = workshop.said(&["jobs"]);
    let id = jobs[0]["id"].as_str().expect("there is one job");
    let job = workshop.said(&["job", id]);
    for path in ["reply", "plan", "tested", "judged", "crafted"] {
        assert_eq!(step(&job, path)["state"], "succeeded", "{path}: {job}");
    }
    let refused = step(&job, "meddled");
    assert_eq!(refused["state"], "failed", "{refused}");
    assert!(refused.to_string().contains("role.critic.tools"), "{refused}");
    let tested = step(&job, "tested").to_string();
    assert!(tested.contains("two words are one name"), "{tested}");
}
