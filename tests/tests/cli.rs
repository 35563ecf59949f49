//! The command line, as people and programs use it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_runtime::JobState;
use workflow_runtime::cli::Cli;
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;

/// Doubles a number.
#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
}

/// Refuses what is too large.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn refuse_large(n: i64) -> Result<i64, AgentError> {
    if n > 10 { Err(format!("{n} is too large").into()) } else { Ok(n) }
}

workflow! {
    /// Doubles a number that is not too large.
    ///
    /// It says so.
    pub workflow Doubled(n: i64) -> i64 {
        phase check { checked = refuse_large(*n); }
        phase work { twice = double(*checked); }
        *twice
    }
}

/// What a command says, and its exit code.
struct Said {
    exit: u8,
    out: String,
    err: String,
}

impl Said {
    fn json(&self) -> Json {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {}{}", self.out, self.err))
    }
}

fn say(words: &[&str]) -> Said {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let words = std::iter::once("program").chain(words.iter().copied());
    let exit = Cli::new().version("1.2.3").about("A program.").run(words, &mut out, &mut err);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Said { exit, out: text(out), err: text(err) }
}

/// Runs a job in a file; gives the file, and the job's id.
fn done(folder: &Folder, n: i64) -> (String, String) {
    let file = folder.file("jobs.db").display().to_string();
    let said = say(&["run", "Doubled", "--input", &json!({ "n": n }).to_string(), "--store", &file]);
    let id = said.err.strip_prefix("job ").unwrap().lines().next().unwrap().to_owned();
    (file, id)
}

#[test]
fn what_is_in_the_program_is_listed_shown_and_drawn() {
    let said = say(&["agents"]);
    assert_eq!(said.exit, 0);
    let row = |name: &str| {
        let row = said.out.lines().find(|line| line.starts_with(name));
        row.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(row("double").as_deref(), Some("double integer Doubles a number."));
    let said = say(&["workflows"]);
    let row = said.out.lines().find(|line| line.starts_with("Doubled ")).unwrap();
    assert!(row.contains(" n ") && row.ends_with(" Doubles a number that is not too large."), "{}", said.out);
    let said = say(&["show", "Doubled"]);
    assert!(said.out.contains("It says so.") && said.out.contains("refuse_large"), "{}", said.out);
    let said = say(&["show", "refuse_large", "--json"]);
    assert_eq!(said.json()["name"], "refuse_large");
    assert!(say(&["graph", "Doubled"]).out.starts_with("<svg"));
    assert!(say(&["graph", "Doubled", "--mermaid"]).out.contains("flowchart"));
    assert!(say(&["graph", "Doubled", "--dot"]).out.starts_with("digraph"));
    let catalogue = say(&["catalogue"]).json();
    let workflows = catalogue["workflows"].as_array().unwrap();
    assert!(workflows.iter().any(|workflow| workflow["definition"]["name"] == "Doubled"));
}

#[test]
fn what_is_not_there_is_said_with_what_is_like_it() {
    let said = say(&["show", "doubel"]);
    assert_eq!((said.exit, said.out.as_str()), (3, ""));
    assert_eq!(said.err, "error: there is no `doubel` in this program; did you mean `double`?\n");
    let said = say(&["graph", "double"]);
    assert_eq!(said.exit, 3);
    let said = say(&["run", "Dubbled", "--store", "memory"]);
    assert_eq!(said.exit, 3);
    assert!(said.err.contains("did you mean `Doubled`?"), "{}", said.err);
}

#[test]
fn what_is_run_gives_its_result_and_can_be_looked_at() {
    let folder = Folder::new("cli-run");
    let (file, id) = done(&folder, 4);
    let said = say(&["job", &id, "--store", &file]);
    assert_eq!(said.exit, 0, "{}", said.err);
    assert!(said.out.starts_with(&format!("Doubled {id}: succeeded\n")), "{}", said.out);
    let view = say(&["job", &id, "--store", &file, "--json"]).json();
    assert_eq!((&view["input"], &view["output"]), (&json!({ "n": 4 }), &json!(8)));
    let second = &view["steps"][1];
    assert_eq!((&second["path"], &second["phase"]), (&json!("twice"), &json!("work")));
    assert_eq!((&second["input"], &second["output"]), (&json!(4), &json!(8)));
    let jobs = say(&["jobs", "--store", &file, "--json", "--state", "succeeded"]).json();
    assert_eq!(jobs[0]["id"], Json::from(id));
    assert!(say(&["jobs", "--store", &file, "--state", "running"]).out.contains("there are no such jobs"));
}

#[test]
fn what_fails_says_so_and_is_a_dead_letter() {
    let folder = Folder::new("cli-fail");
    let file = folder.file("jobs.db").display().to_string();
    let said = say(&["run", "Doubled", "--input", r#"{"n": 11}"#, "--store", &file]);
    assert_eq!((said.exit, said.out.as_str()), (1, ""));
    assert!(said.err.contains("checked: 11 is too large; again at "), "{}", said.err);
    assert!(said.err.contains("step `checked`, attempt 2: 11 is too large"), "{}", said.err);
    let said = say(&["dead", "--store", &file]);
    assert!(said.out.contains("11 is too large"), "{}", said.out);
    let id = said.out.lines().nth(1).unwrap().split(' ').next().unwrap();
    let said = say(&["job", id, "--store", &file]);
    assert!(said.out.contains("  attempt 2  failed"), "{}", said.out);
}

#[test]
fn what_is_wrong_with_an_input_is_said_where_it_is() {
    let said = say(&["run", "Doubled", "--input", r#"{"n": "four"}"#, "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("/n") && said.err.contains("integer"), "{}", said.err);
    let said = say(&["run", "Doubled", "--input", "{", "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("--input is no JSON") && said.err.contains("line 1"), "{}", said.err);
    let said = say(&["run", "Doubled", "--input-file", "/nowhere/at/all", "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("/nowhere/at/all"), "{}", said.err);
}

#[test]
fn a_store_that_cannot_be_looked_at_says_why() {
    let folder = Folder::new("cli-none");
    let none = folder.file("none.db").display().to_string();
    let said = say(&["jobs", "--store", &none]);
    assert_eq!(said.exit, 5);
    assert!(said.err.contains("none.db: there is no such file"), "{}", said.err);
    assert!(!folder.file("none.db").exists());
    let other = folder.file("other.txt");
    std::fs::write(&other, "I am no database, and was never meant to be one.").unwrap();
    let said = say(&["jobs", "--store", &other.display().to_string()]);
    assert_eq!(said.exit, 5);
    assert!(said.err.contains("it is no database"), "{}", said.err);
    assert_eq!(say(&["jobs", "--store", "memory"]).exit, 5);
    let (file, _) = done(&folder, 1);
    let said = say(&["job", "0190a5d7-0000-7000-8000-000000000000", "--store", &file]);
    assert_eq!(said.exit, 3);
}

#[test]
fn misuse_says_how_it_is_used() {
    let said = say(&[]);
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("Usage: program"), "{}", said.err);
    assert_eq!(say(&["jobs", "--state", "asleep"]).exit, 2);
    assert_eq!(say(&["job", "17"]).exit, 2);
    assert_eq!(say(&["graph", "Doubled", "--svg", "--dot"]).exit, 2);
    let said = say(&["--version"]);
    assert_eq!((said.exit, said.out.as_str()), (0, "program 1.2.3\n"));
    assert!(say(&["completions", "bash"]).out.contains("program"));
}

/// Who looks at a file does not disturb the one who has it open, and sees what was written last.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_while_another_works_on_it() {
    let folder = Folder::new("cli-beside");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.unwrap();
    let path = file.display().to_string();
    for n in 0..20 {
        let job = runtime.submit(Doubled { n: n % 5 }).await.unwrap();
        let id = job.id().to_string();
        job.await.unwrap();
        let path = path.clone();
        let said = tokio::task::spawn_blocking(move || say(&["job", &id, "--store", &path, "--json"]));
        assert_eq!(said.await.unwrap().json()["output"], 2 * (n % 5));
    }
    let states =
        runtime.history(workflow_runtime::JobFilter::new().state(JobState::Succeeded)).await.unwrap();
    assert_eq!(states.len(), 20);
    runtime.shutdown(Duration::from_secs(1)).await;
}
