//! What an operator has set, and what is said of it, through the program as it is run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value as Json;

/// A folder in which a program is started, gone when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("workflow-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).expect("a folder can be made");
        Self(path)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.0.join(name), text).expect("a file can be written");
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

struct Said {
    exit: Option<i32>,
    out: String,
    err: String,
}

fn say(folder: &Path, variables: &[(&str, &str)], words: &[&str]) -> Said {
    let mut program = Command::new(env!("CARGO_BIN_EXE_workflow-examples"));
    program.current_dir(folder).args(words).args(["--store", "jobs.db"]);
    program.env_remove("WORKFLOW_STORE").env_remove("WORKFLOW_CONFIG").envs(variables.iter().copied());
    let Output { status, stdout, stderr } = program.output().expect("it can be run");
    let text = |bytes| String::from_utf8(bytes).expect("it is text");
    Said { exit: status.code(), out: text(stdout), err: text(stderr) }
}

impl Said {
    /// A row of a table, or a finding, by how it begins; with one space between its words.
    fn row(&self, begin: &str) -> String {
        let even = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let row = self.out.lines().map(even).find(|line| line.starts_with(begin));
        row.unwrap_or_else(|| panic!("no `{begin}` in {}{}", self.out, self.err))
    }
}

#[test]
fn what_is_set_is_shown_with_where_it_is_set_and_what_the_code_says() {
    let folder = Folder::new("doctor-set");
    let text = "[agents.read_sales]\ntimeout = \"2m\"\n\n[agents.ask_model]\ntimeout = \"9s\"\n\n\
                [agents.ship]\nenabled = false\n\n[queues.gpuu]\nrate = \"1/s\"\n\n[schedules.nightly]\nenabled = false\n";
    folder.write("workflow.toml", text);
    let variables = [("WORKFLOW_AGENTS__READ_SALES__RETRY", "7")];
    let ran = say(&folder.0, &variables, &["run", "add_up", "--input", "[]"]);
    let said = say(&folder.0, &variables, &["doctor"]);
    assert_eq!(said.exit, Some(0), "{}{}{}", said.out, said.err, ran.err);
    assert_eq!(
        said.row("agents.read_sales.timeout"),
        "agents.read_sales.timeout \"2m\" workflow.toml:2:11 \"1m\", code workflow-examples/src/report.rs:43"
    );
    assert_eq!(
        said.row("agents.read_sales.retry.max"),
        "agents.read_sales.retry.max 7 env WORKFLOW_AGENTS__READ_SALES__RETRY 3, code \
         workflow-examples/src/report.rs:43"
    );
    assert!(said.row("agents.improve.timeout").ends_with("code workflow-examples/src/ingest.rs:55"));
    let unheard = "warning configuration workflow.toml:5:11: agents.ask_model.timeout does not reach workflows.Answer.steps.reply";
    assert!(said.row(unheard).ends_with("which says something else itself"));
    let off = "warning configuration `ship` is switched off (workflow.toml:8:11)";
    assert!(said.row(off).ends_with("nothing new of it is taken in, and what calls it waits"));
    assert_eq!(
        said.row("warning configuration workflow.toml:11:8"),
        "warning configuration workflow.toml:11:8: nothing in the program names the queue `gpuu`; did you mean `gpu`?"
    );
    assert_eq!(
        said.row("warning schedules"),
        "warning schedules workflow.toml:14:11: there is no schedule `nightly` in the store"
    );
    let dead = "warning dead letters jobs that failed for good, and that nobody has looked after: 1";
    assert_eq!(said.row("warning dead letters"), dead, "an empty list has no best");
    assert_eq!(said.row("ok lock"), "ok lock no process has it open that does what this command line asks");
    assert!(said.row("ok store").starts_with("ok store jobs.db: a SQLite file, tables of version 2, "));
    assert!(said.out.ends_with("0 errors, 5 warnings\n"), "{}", said.out);

    let document: Json =
        serde_json::from_str(&say(&folder.0, &variables, &["doctor", "--json"]).out).expect("JSON");
    assert_eq!((&document["errors"], &document["warnings"]), (&0.into(), &5.into()));
    let settings = document["settings"].as_array().expect("a list");
    let set = settings.iter().find(|set| set["name"] == "agents.read_sales.timeout").expect("it is there");
    assert_eq!((&set["by"], &set["over"]["value"]), (&"workflow.toml:2:11".into(), &"\"1m\"".into()));
    assert!(
        document["findings"].as_array().expect("a list").iter().any(|finding| finding["level"] == "warning")
    );
}

#[test]
fn nothing_runs_of_a_configuration_in_which_something_is_wrong() {
    let folder = Folder::new("doctor-wrong");
    folder.write("other.toml", "[agents.shp]\nenabled = false\n[queues.gpu]\nrate = 3\n");
    let variables = [("WORKFLOW_CONFIG", "other.toml"), ("WORKFLOW_RUNTIME__GRACE", "1")];
    let said = say(&folder.0, &variables, &["doctor"]);
    assert_eq!(said.exit, Some(1));
    for mistake in [
        "other.toml:1:9: there is no agent `shp`; did you mean `ship`?",
        "other.toml:4:8: `rate`: expected a rate in quotes, like \"10/s\" or \"100/1m\", found a whole number",
        "env WORKFLOW_RUNTIME__GRACE: `grace`: \"1\" has no unit; write \"1s\", \"1m\" or \"1ms\", say",
    ] {
        assert_eq!(
            said.row(&format!("error configuration {mistake}")),
            format!("error configuration {mistake}")
        );
    }
    let said = say(&folder.0, &variables, &["run", "Report", "--input", r#"{"day": "Monday"}"#]);
    assert_eq!(said.exit, Some(8), "{}", said.err);
    assert!(said.err.starts_with("error: 3 mistakes in the configuration:\n"), "{}", said.err);
    // What only reads is not held up.
    assert_eq!(say(&folder.0, &variables, &["agents"]).exit, Some(0));
    let missing = say(&folder.0, &[("WORKFLOW_CONFIG", "none.toml")], &["doctor"]);
    assert!(missing.row("error configuration none.toml").contains("it cannot be read: "), "{}", missing.out);
}

#[test]
fn what_is_switched_off_is_refused() {
    let folder = Folder::new("doctor-off");
    folder.write("workflow.toml", "[workflows.Report]\nenabled = false\n");
    let said = say(&folder.0, &[], &["submit", "Report", "--input", r#"{"day": "Monday"}"#]);
    assert_eq!(said.exit, Some(7), "{}", said.err);
    let message = "error: `Report` is switched off (workflow.toml:2:11); take `enabled = false` away there, and start again\n";
    assert_eq!(said.err, message);
    let on = [("WORKFLOW_WORKFLOWS__REPORT__ENABLED", "true")];
    assert_eq!(say(&folder.0, &on, &["submit", "Report", "--input", r#"{"day": "Monday"}"#]).exit, Some(0));
}

#[test]
fn what_cannot_be_read_is_an_error() {
    let folder = Folder::new("doctor-store");
    folder.write(
        "jobs.db",
        "this is no database, and long enough to be taken for one, if one looks only at its length",
    );
    let said = say(&folder.0, &[], &["doctor"]);
    assert_eq!(said.exit, Some(1));
    assert!(said.row("error store").contains("jobs.db"), "{}", said.out);
}
