//! The command line with what nobody should give it: whatever it is, it says what is wrong, and nothing is lost.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::said::{HOSTILE, Said, say, say_beside, with};

/// An id that no job has.
const NOBODY: &str = "0190a5d7-0000-7000-8000-000000000000";

/// Commands that name what is not there.
const UNKNOWN: &[&[&str]] = &[
    &["show", HOSTILE],
    &["graph", HOSTILE],
    &["run", HOSTILE],
    &["submit", HOSTILE],
    &["job", NOBODY],
    &["logs", NOBODY],
    &["watch", NOBODY],
    &["cancel", NOBODY],
    &["pause", NOBODY],
    &["resume", NOBODY],
    &["signal", NOBODY, HOSTILE],
    &["rerun", NOBODY],
    &["rerun", NOBODY, "--from", HOSTILE],
    &["trigger", HOSTILE],
    &["pause", "--schedule", HOSTILE],
    &["export", NOBODY],
    &["retry", NOBODY],
    &["discard", NOBODY],
    &["mcp", "--tool", HOSTILE, "--listen", "127.0.0.1:0"],
    &["mcp", "--tag", HOSTILE, "--listen", "127.0.0.1:0"],
];

/// Commands that are not written as they are to be.
const MISUSED: &[&[&str]] = &[
    &["job", HOSTILE],
    &["job", "17"],
    &["logs", "17"],
    &["cancel", "17"],
    &["jobs", "--state", HOSTILE],
    &["report", "--last", "long"],
    &["report", "--last", HOSTILE],
    &["jobs", "--limit", "-1"],
    &["jobs", "--limit", "many"],
    &["jobs", "--since", HOSTILE],
    &["dead", "--limit", HOSTILE],
    &["prune", "--older-than", "long"],
    &["signal", NOBODY],
    &["completions", HOSTILE],
    &["init", "nowhere", "--name", HOSTILE],
    &["explode"],
    &[HOSTILE],
];

/// Commands that do nothing without a store.
const ON_A_STORE: &[&[&str]] = &[
    &["jobs"],
    &["jobs", "--follow"],
    &["job", NOBODY],
    &["logs", NOBODY],
    &["watch", NOBODY],
    &["dead"],
    &["queues"],
    &["report"],
    &["report", "pay"],
    &["nodes"],
    &["schedules"],
    &["check"],
    &["export", NOBODY],
    &["cancel", NOBODY],
    &["cancel", "--all"],
    &["prune", "--older-than", "1s"],
    &["pause", "--queue", "default"],
    &["retry", NOBODY],
    &["discard", NOBODY],
    &["rerun", NOBODY],
    &["signal", NOBODY, "word"],
    &["trigger", "nightly"],
    &["submit", "Waits"],
    &["run", "Waits"],
    &["worker"],
    &["serve", "--listen", "127.0.0.1:0"],
    &["mcp", "--all", "--listen", "127.0.0.1:0"],
];

/// Commands that only ask the program.
const OF_THE_PROGRAM: &[&[&str]] = &[
    &["agents"],
    &["workflows"],
    &["show", "street"],
    &["graph", "Waits"],
    &["catalogue"],
    &["completions", "bash"],
];

/// What looks whether all is well.
const DOCTOR: &[&str] = &["doctor"];

/// What is no export.
const NO_EXPORTS: &[&str] = &["{", "[]", "{}\n{}\n", HOSTILE, "null", r#"{"format": 1e99}"#];

/// Gives it back.
#[task_agent]
async fn street(street: String) -> String {
    street
}

/// Fails with what it is given.
#[task_agent]
async fn complain(what: String) -> Result<String, AgentError> {
    Err(AgentError::permanent(what))
}

workflow! {
    /// Waits for a word.
    pub workflow Waits() -> String {
        phase ask { word = signal::<String>("word"); }
        word.clone()
    }
}

#[test]
fn no_command_is_left_out() {
    let help = say(&["--help"]).out;
    let commands = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let commands: Vec<&str> = commands.map_while(|line| line.split_whitespace().next()).collect();
    assert!(commands.len() > 20, "{help}");
    let tables = [UNKNOWN, MISUSED, ON_A_STORE, OF_THE_PROGRAM, &[DOCTOR, &["import"]]];
    for command in commands {
        let is_tried = tables.iter().copied().flatten().any(|words| words[0] == command);
        assert!(is_tried, "`{command}` is in no table of this file: add it to those that fit");
    }
}

#[test]
fn what_is_no_export_is_not_taken_in() {
    let folder = Folder::new("hostile-import");
    let path = folder.file("jobs.db").display().to_string();
    let file = folder.file("jobs.jsonl").display().to_string();
    say(&with(&["submit", "Waits"], &path)).id();
    for text in NO_EXPORTS {
        std::fs::write(&file, text).unwrap();
        let said = say(&with(&["import", &file], &path));
        assert_eq!((said.exit, said.out.as_str()), (4, ""), "{text}: {}", said.err);
        said.is_harmless();
    }
    std::fs::write(&file, [0xff, 0xfe]).unwrap();
    assert_eq!(say(&with(&["import", &file], &path)).exit, 4);
    assert_eq!(say(&with(&["import", HOSTILE], &path)).exit, 4);
    assert_eq!(say(&with(&["jobs", "--json"], &path)).json().as_array().unwrap().len(), 1);
}

#[test]
fn what_is_not_there_is_said_by_every_command() {
    let folder = Folder::new("hostile-unknown");
    let path = folder.file("jobs.db").display().to_string();
    say(&with(&["submit", "Waits"], &path)).id();
    for words in UNKNOWN {
        let said = say(&with(words, &path));
        assert_eq!((said.exit, said.out.as_str()), (3, ""), "{words:?}: {}", said.err);
        assert!(said.err.starts_with("error: "), "{}", said.err);
        said.is_harmless();
    }
    for words in MISUSED {
        let said = say(&with(words, &path));
        assert_eq!(said.exit, 2, "{words:?}: {}{}", said.out, said.err);
        said.is_harmless();
    }
    // What nothing has matches nothing.
    for words in
        [&["jobs", "--name", HOSTILE][..], &["jobs", "--tag", HOSTILE], &["jobs", "--text", "%_'\"\\"]]
    {
        assert_eq!(say(&with(words, &path)).out, "there are no such jobs\n", "{words:?}");
    }
}

#[test]
fn nothing_that_a_job_says_reaches_a_terminal_as_a_command() {
    let folder = Folder::new("hostile-text");
    let path = folder.file("jobs.db").display().to_string();
    let text = json!(HOSTILE).to_string();
    // A word on a command line holds no zero.
    let tag = HOSTILE.replace('\0', "");
    let mut all = vec![
        say(&with(&["run", "street", "--input", &text, "--tag", &tag], &path)),
        say(&with(&["run", "complain", "--input", &text, "--queue", &tag], &path)),
    ];
    assert_eq!((all[0].exit, all[1].exit), (0, 1));
    // JSON gives it all back.
    assert_eq!(all[0].json(), json!(HOSTILE));
    let jobs = say(&with(&["jobs", "--json"], &path)).json();
    let ids: Vec<&str> = jobs.as_array().unwrap().iter().map(|job| job["id"].as_str().unwrap()).collect();
    assert_eq!(jobs[1]["tags"][0], *tag);
    for id in &ids {
        all.extend([say(&with(&["job", id], &path)), say(&with(&["watch", id], &path))]);
    }
    for words in [&["jobs"][..], &["dead"], &["queues"], &["nodes"], &["check"], &["schedules"]] {
        all.push(say(&with(words, &path)));
    }
    all.push(say(&with(&["pause", "--queue", &tag], &path)));
    all.push(say(&with(&["queues"], &path)));
    all.push(say(&with(&["cancel", ids[0], "--why", &tag], &path)));
    all.push(say(&with(&["jobs"], &format!("/none/{tag}"))));
    all.iter().for_each(Said::is_harmless);
    assert!(all.iter().any(|said| said.out.contains("<script>")), "it is text, and text is shown");
}

/// Of many who want the same at once one has it done, and the others are told.
#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn of_two_who_act_on_one_job_one_does() {
    let folder = Folder::new("hostile-race");
    let path = folder.file("jobs.db").display().to_string();
    let runtime = Runtime::open(&path).await.unwrap();
    let failed = runtime.submit_json("complain", json!("no")).await.unwrap();
    let letter = failed.id().to_string();
    failed.await.unwrap_err();
    let open = runtime.submit(Waits {}).await.unwrap();
    let id = open.id().to_string();
    let race = async |words: [Vec<String>; 4]| {
        let all = words.map(|words| {
            let path = path.clone();
            tokio::spawn(async move {
                let words: Vec<&str> = words.iter().map(String::as_str).collect();
                say_beside(&with(&words, &path)).await
            })
        });
        let mut exits = Vec::new();
        for one in all {
            exits.push(one.await.unwrap().exit);
        }
        exits.sort_unstable();
        exits
    };
    let same = |words: [&str; 2]| std::array::from_fn(|_| words.map(str::to_owned).to_vec());
    assert_eq!(race(same(["retry", &letter])).await, [0, 7, 7, 7]);
    let signal = ["signal", &id, "word", "\"a\""].map(str::to_owned).to_vec();
    let cancel = ["cancel", &id].map(str::to_owned).to_vec();
    let exits = race([signal.clone(), cancel.clone(), signal, cancel]).await;
    assert!(exits.iter().all(|exit| [0, 7].contains(exit)) && exits[0] == 0, "{exits:?}");
    let _ = open.await;
    assert!(say_beside(&with(&["job", &id, "--json"], &path)).await.json()["ended"].is_string());
    runtime.shutdown(Duration::from_secs(1)).await;
}

/// Where no process has the file open, those who act on it take turns, and who cannot says so.
#[test]
fn processes_take_turns_with_a_file_that_nobody_has_open() {
    let folder = Folder::new("hostile-turns");
    let path = folder.file("jobs.db").display().to_string();
    let start = |_| {
        let words = ["submit", "speak", "--input", "\"hello\"", "--store", &path];
        let piped = || Stdio::piped();
        Command::new(env!("CARGO_BIN_EXE_speaker"))
            .args(words)
            .stdout(piped())
            .stderr(piped())
            .spawn()
            .unwrap()
    };
    let all: Vec<_> = (0..6).map(start).collect();
    let mut done = 0;
    for one in all {
        let said = one.wait_with_output().unwrap();
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        match said.status.code() {
            Some(0) => done += 1,
            Some(5) => assert!(why.contains("has it open") || why.contains("asked"), "{why}"),
            other => panic!("{other:?}: {why}"),
        }
    }
    assert!(done > 0);
    let jobs = say(&with(&["jobs", "--json"], &path)).json();
    assert_eq!(jobs.as_array().map(Vec::len), Some(done));
}

#[test]
fn who_reads_no_further_ends_it_quietly() {
    let folder = Folder::new("hostile-pipe");
    let path = folder.file("jobs.db").display().to_string();
    let speaker = |words: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_speaker"));
        command.args(words).args(["--store", &path]).stdout(Stdio::piped()).stderr(Stdio::piped());
        command.spawn().unwrap()
    };
    let ran = speaker(&["run", "Wide", "--input", r#"{"times": 3000}"#]).wait_with_output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let jobs = say(&with(&["jobs", "--json"], &path)).json();
    let id = jobs[0]["id"].as_str().unwrap();
    for words in [&["job", id][..], &["job", id, "--json"], &["watch", id], &["export", id], &["catalogue"]] {
        let mut program = speaker(words);
        let mut line = String::new();
        // The pipe is shut after one line.
        BufReader::with_capacity(16, program.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let said = program.wait_with_output().unwrap();
        let why = String::from_utf8_lossy(&said.stderr).into_owned();
        assert_eq!((said.status.code(), why.as_str()), (Some(0), ""), "{words:?}");
    }
}

#[test]
fn a_file_that_is_no_store_is_left_as_it_is() {
    let folder = Folder::new("hostile-store");
    let words = folder.file("words.txt");
    let words_before = "I am no database, and was never meant to be one. ".repeat(100);
    std::fs::write(&words, &words_before).unwrap();
    let other = folder.file("other.db");
    let connection = rusqlite::Connection::open(&other).unwrap();
    connection.execute_batch("CREATE TABLE heads (mine TEXT); INSERT INTO heads VALUES ('kept')").unwrap();
    drop(connection);
    let before = std::fs::read(&other).unwrap();
    let nowhere = folder.file("none").join("jobs.db");
    for path in [&words, &other, &folder.file(""), &nowhere] {
        let path = path.display().to_string();
        for words in ON_A_STORE {
            let said = say(&with(words, &path));
            assert_eq!((said.exit, said.out.as_str()), (5, ""), "{words:?} {path}: {}", said.err);
            said.is_harmless();
        }
        // What only asks the program needs no store, and who looks after all says that this is not well.
        for words in OF_THE_PROGRAM {
            let said = say(&with(words, &path));
            assert_eq!((said.exit, said.err.as_str()), (0, ""), "{words:?} {path}");
            said.is_harmless();
        }
        let said = say(&with(DOCTOR, &path));
        assert!(said.exit == 1 && said.out.contains(&path), "{path}: {} {}", said.exit, said.out);
        said.is_harmless();
    }
    assert_eq!(std::fs::read_to_string(&words).unwrap(), words_before);
    assert_eq!(std::fs::read(&other).unwrap(), before);
    assert!(!nowhere.exists());
}

/// A file that may not be written to can be looked at, and what would change it is refused.
#[cfg(unix)]
#[test]
fn a_file_that_is_read_only_is_looked_at() {
    use std::fs::{Permissions, set_permissions};
    use std::os::unix::fs::PermissionsExt;

    let folder = Folder::new("hostile-read-only");
    let file = folder.fresh("jobs.db");
    let path = file.display().to_string();
    let id = say(&with(&["submit", "Waits"], &path)).id();
    for entry in std::fs::read_dir(file.parent().unwrap()).unwrap() {
        set_permissions(entry.unwrap().path(), Permissions::from_mode(0o444)).unwrap();
    }
    set_permissions(file.parent().unwrap(), Permissions::from_mode(0o555)).unwrap();
    let looked = say(&with(&["jobs", "--json"], &path));
    let acted = say(&with(&["cancel", &id], &path));
    set_permissions(file.parent().unwrap(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(looked.exit, 0, "{}", looked.err);
    assert_eq!(looked.json()[0]["id"], Json::from(id));
    // Who marks a file as read-only means it of those, too, who may write everywhere.
    assert!(acted.exit == 5 && acted.err.contains("read-only"), "{} {}", acted.exit, acted.err);
}
