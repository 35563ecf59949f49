//! What operators do by the command line: with many jobs at once, with queues, with what is old.

use std::io::{self, Write};
use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_runtime::cli::Cli;
use workflow_runtime::prelude::*;
use workflow_runtime::{JobState, Queue};
use workflow_tests::folder::Folder;
use workflow_tests::said::{Said, say, say_beside};

/// Refuses what is too large.
#[task_agent]
async fn small(n: i64) -> Result<i64, AgentError> {
    if n > 10 { Err(AgentError::permanent(format!("{n} is too large"))) } else { Ok(n) }
}

workflow! {
    /// Waits for a number, and gives it back.
    pub workflow Patient() -> i64 {
        phase ask { n = signal::<i64>("number"); }
        *n
    }
}

workflow! {
    /// Lets another wait.
    pub workflow Parent() -> i64 {
        phase all { n = Patient(); }
        *n
    }
}

fn with<'a>(words: &[&'a str], path: &'a str) -> Vec<&'a str> {
    [words, &["--store", path]].concat()
}

fn submit(path: &str, words: &[&str]) -> String {
    say(&[&["submit"][..], words, &["--store", path]].concat()).id()
}

fn states(path: &str) -> Vec<String> {
    let jobs = say(&with(&["jobs", "--oldest", "--json"], path)).json();
    let states = jobs
        .as_array()
        .expect("it is told")
        .iter()
        .map(|job| job["state"].as_str().expect("it is told").to_owned());
    states.collect()
}

fn rows(said: &Said) -> Vec<Vec<&str>> {
    said.out.lines().map(|line| line.split_whitespace().collect()).collect()
}

#[test]
fn several_jobs_are_acted_on_at_once_and_the_worst_is_the_exit_code() {
    let folder = Folder::new("cli-many");
    let path = folder.file("jobs.db").display().to_string();
    let [one, two, three] = ["a", "b", "a"].map(|tag| submit(&path, &["Patient", "--tag", tag]));
    let nobody = "0190a5d7-0000-7000-8000-000000000000";
    let said = say(&with(&["cancel", &one, nobody, &two], &path));
    assert_eq!(said.exit, 3);
    assert!(said.out.starts_with(&format!("{one}  done\n{nobody}  ")), "{}", said.out);
    assert!(said.out.ends_with(&format!("{two}  done\n")), "{}", said.out);
    assert_eq!(states(&path), ["cancelled", "cancelled", "pending"]);
    let said = say(&with(&["pause", "--all", "--tag", "b"], &path));
    assert_eq!((said.exit, said.out.as_str()), (0, "there are no such jobs\n"));
    let said = say(&with(&["pause", "--all", "--tag", "a", "--json"], &path));
    assert_eq!(said.json(), json!({ "job": three, "done": "so" }));
    assert_eq!(states(&path)[2], "paused");
    assert_eq!(say(&with(&["resume", "--all"], &path)).out, format!("{three}  done\n"));
    assert_eq!(states(&path)[2], "pending");
    // What is said besides must mean something.
    assert_eq!(say(&with(&["cancel"], &path)).exit, 2);
    assert_eq!(say(&with(&["cancel", &three, "--all"], &path)).exit, 2);
    let said = say(&with(&["cancel", &three, "--name", "Other"], &path));
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("--all"), "{}", said.err);
    assert_eq!(say(&with(&["pause", "--queue", "default", "--tag", "a"], &path)).exit, 2);
    assert_eq!(say(&with(&["cancel", "--all", "--since", "1h", "--name", "Patient"], &path)).exit, 0);
    assert_eq!(states(&path), ["cancelled"; 3]);
}

#[test]
fn all_dead_letters_that_are_meant_are_retried_or_discarded() {
    let folder = Folder::new("cli-letters");
    let path = folder.file("jobs.db").display().to_string();
    for n in ["11", "12", "13"] {
        assert_eq!(say(&with(&["run", "small", "--input", n], &path)).exit, 1);
    }
    let said = say(&with(&["discard", "--all", "--text", "12 IS too"], &path));
    assert_eq!(said.exit, 0, "{}", said.err);
    assert_eq!(said.out.lines().count(), 1);
    let said = say(&with(&["jobs", "--dead", "--text", "too large"], &path));
    assert_eq!(said.out.lines().count(), 3, "{}", said.out);
    let said = say(&with(&["retry", "--all", "--input", "4"], &path));
    assert_eq!((said.exit, said.out.lines().count()), (0, 2), "{}", said.err);
    assert_eq!(say(&with(&["dead"], &path)).out, "there are no dead letters\n");
}

#[test]
fn jobs_are_listed_the_newest_first_by_pages_and_by_when_they_came() {
    let folder = Folder::new("cli-newest");
    let path = folder.file("jobs.db").display().to_string();
    let ids: Vec<String> = (0..5).map(|_| submit(&path, &["Patient"])).collect();
    let listed = |words: &[&str]| {
        let jobs = say(&with(&[&["jobs", "--json"], words].concat(), &path)).json();
        let place = |job: &Json| ids.iter().position(|id| job["id"] == **id).unwrap();
        jobs.as_array().unwrap().iter().map(place).collect::<Vec<_>>()
    };
    assert_eq!(listed(&[]), [4, 3, 2, 1, 0]);
    assert_eq!(listed(&["--limit", "2"]), [4, 3]);
    assert_eq!(listed(&["--limit", "2", "--after", &ids[3]]), [2, 1]);
    assert_eq!(listed(&["--oldest", "--limit", "2", "--after", &ids[1]]), [2, 3]);
    assert_eq!(listed(&["--since", "1h"]), [4, 3, 2, 1, 0]);
    assert!(listed(&["--until", "1h"]).is_empty() && listed(&["--since", "2100-01-01"]).is_empty());
    assert_eq!(listed(&["--text", "pAtIeNt", "--limit", "1"]), [4]);
    assert!(listed(&["--text", "nobody"]).is_empty());
    assert!(listed(&["--limit", "0"]).is_empty());
    let said = say(&with(&["jobs", "--limit", "2"], &path));
    assert!(said.out.ends_with(&format!("there may be more: --after {}\n", ids[3])), "{}", said.out);
    let said = say(&with(&["jobs", "--since", "yesterday"], &path));
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("write an age such as 90s"), "{}", said.err);
}

/// Who reads no further after some lines.
struct Reads {
    lines: Vec<String>,
    most: usize,
    told: std::sync::mpsc::Sender<usize>,
}

impl Write for Reads {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        for part in text.split_inclusive('\n') {
            match self.lines.last_mut() {
                Some(line) if !line.ends_with('\n') => line.push_str(part),
                _ => self.lines.push(part.to_owned()),
            }
        }
        let whole = self.lines.iter().filter(|line| line.ends_with('\n')).count();
        let _ = self.told.send(whole);
        if whole >= self.most { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(bytes.len()) }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_followed_as_they_come_and_go() {
    let folder = Folder::new("cli-follow");
    let path = folder.file("jobs.db").display().to_string();
    let runtime = Runtime::open(&path).await.unwrap();
    let first = runtime.submit(Patient {}).await.unwrap();
    let (told, heard) = std::sync::mpsc::channel();
    let words: Vec<String> = with(&["p", "jobs", "--follow", "--name", "Patient"], &path)
        .iter()
        .map(ToString::to_string)
        .collect();
    let follows = tokio::task::spawn_blocking(move || {
        let mut out = Reads { lines: Vec::new(), most: 4, told };
        let exit = Cli::new().run(words, &mut out, &mut Vec::new());
        (exit, out.lines)
    });
    tokio::task::block_in_place(|| while heard.recv().unwrap() < 1 {});
    first.signal("number", 1).await.unwrap();
    tokio::task::block_in_place(|| while heard.recv().unwrap() < 2 {});
    let second = runtime.submit(Patient {}).await.unwrap();
    runtime.submit_json("small", json!(1)).await.unwrap().await.unwrap();
    tokio::task::block_in_place(|| while heard.recv().unwrap() < 3 {});
    second.cancel("enough").await;
    let (exit, lines) = follows.await.unwrap();
    assert_eq!(exit, 0);
    let (first, second) = (first.id().to_string(), second.id().to_string());
    let told: Vec<(&str, &str)> = lines
        .iter()
        .map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            (words[1], words[3])
        })
        .collect();
    let wanted =
        [(&*first, "running"), (&*first, "succeeded"), (&*second, "running"), (&*second, "cancelled")];
    assert_eq!(told, wanted);
    runtime.shutdown(Duration::from_secs(1)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_tell_what_waits_in_them() {
    let folder = Folder::new("cli-queues");
    let path = folder.file("jobs.db").display().to_string();
    let runtime = Runtime::builder().queue(Queue::new("slow").concurrency(1)).open(&path).await.unwrap();
    let said = say_beside(&with(&["queues"], &path)).await;
    assert_eq!(said.out, "no queue is paused, and no job waits or runs\n");
    let said = say_beside(&with(&["nodes"], &path)).await;
    assert!(said.out.starts_with("a process has "), "{}", said.out);
    assert_eq!(say_beside(&with(&["pause", "--queue", "slow"], &path)).await.exit, 0);
    for _ in 0..3 {
        runtime.submit_json("small", json!(1)).queue("slow").await.unwrap();
    }
    runtime.submit(Patient {}).await.unwrap();
    let later = runtime.submit_json("small", json!(1)).delay("1h").await.unwrap();
    let said = say_beside(&with(&["queues"], &path)).await;
    let told = rows(&said);
    assert_eq!(told[0][..4], ["QUEUE", "STATE", "WAITING", "OLDEST"]);
    assert_eq!((told[1][0], told[1].last().copied()), ("default", Some("0")), "{}", said.out);
    assert_eq!(told[2][..3], ["slow", "paused", "3"], "{}", said.out);
    let said = say_beside(&with(&["queues", "--json"], &path)).await.json();
    assert_eq!((&said[0]["running"], &said[0]["scheduled"]), (&json!(1), &json!(1)));
    assert_eq!((&said[1]["waiting"], &said[1]["paused"]), (&json!(3), &json!(true)));
    later.cancel("").await;
    runtime.shutdown(Duration::ZERO).await;
    let said = say_beside(&with(&["nodes"], &path)).await;
    assert!(said.out.starts_with("no process "), "{}", said.out);
}

/// What is old is forgotten by whoever works on the file, and what is not, or is asked for, stays.
#[tokio::test(flavor = "multi_thread")]
async fn what_is_old_is_forgotten() {
    let folder = Folder::new("cli-prune");
    let path = folder.file("jobs.db").display().to_string();
    let runtime = Runtime::open(&path).await.unwrap();
    for n in [1, 2, 11] {
        let _ = runtime.submit_json("small", json!(n)).await.unwrap().await;
    }
    let parent = runtime.submit(Parent {}).await.unwrap();
    let said = say_beside(&with(&["prune"], &path)).await;
    assert_eq!(said.exit, 2, "{}", said.out);
    let prune = async |words: &[&str]| say_beside(&with(&[&["prune"], words].concat(), &path)).await;
    assert_eq!(prune(&["--older-than", "1h"]).await.out, "0 jobs would be forgotten\n");
    assert_eq!(prune(&["--older-than", "0s", "--dry-run"]).await.out, "2 jobs would be forgotten\n");
    assert_eq!(prune(&["--older-than", "0s", "--name", "Patient"]).await.out, "0 jobs would be forgotten\n");
    assert_eq!(prune(&["--older-than", "0s"]).await.out, "2 jobs forgotten\n");
    assert_eq!(prune(&["--older-than", "0s", "--dead", "--state", "succeeded"]).await.exit, 0);
    assert_eq!(
        prune(&["--older-than", "0s", "--dead", "--json"]).await.json(),
        json!({"forgot": 1, "left": 0})
    );
    let jobs = say_beside(&with(&["jobs", "--json"], &path)).await.json();
    assert_eq!(jobs.as_array().unwrap().len(), 2, "{jobs}");
    assert_eq!(parent.state(), JobState::Running);
    parent.cancel("").await;
    runtime.shutdown(Duration::from_secs(1)).await;
    // The same where nobody works on it.
    assert_eq!(prune(&["--older-than", "0s"]).await.out, "2 jobs forgotten\n");
}

/// Jobs go from one file to another: what is over as history, what is not goes on there.
#[tokio::test(flavor = "multi_thread")]
async fn jobs_are_carried_from_one_file_to_another() {
    let folder = Folder::new("cli-carry");
    let [from, to] = ["from.db", "to.db"].map(|name| folder.file(name).display().to_string());
    let runtime = Runtime::open(&from).await.unwrap();
    let over = runtime.submit_json("small", json!(4)).await.unwrap();
    let over_id = over.id().to_string();
    over.await.unwrap();
    let open = runtime.submit(Parent {}).await.unwrap();
    let open_id = open.id().to_string();
    // The child begins before its parent is seen to wait for it.
    while say_beside(&with(&["jobs", "--parent", &open_id, "--json"], &from)).await.out.len() < 5 {
        tokio::task::yield_now().await;
    }
    let file = folder.file("jobs.jsonl").display().to_string();
    let export = ["export", &over_id, &open_id, "--children", "--out", &file];
    assert_eq!(say_beside(&with(&export, &from)).await.out, format!("3 jobs in {file}\n"));
    // Nothing is written over.
    assert_eq!(say_beside(&with(&export, &from)).await.exit, 1);
    let printed = say_beside(&with(&["export", &over_id], &from)).await;
    assert_eq!(printed.json()["head"]["id"], *over_id);
    open.cancel("carried away").await;
    runtime.shutdown(Duration::from_secs(1)).await;

    // Into a file that nobody has open, and that was not there.
    let said = say_beside(&with(&["import", &file], &to)).await;
    assert_eq!((said.exit, said.out.lines().count()), (0, 3), "{}{}", said.out, said.err);
    let said = say_beside(&with(&["import", &file], &to)).await;
    assert_eq!(said.exit, 7);
    assert!(said.out.contains("there is a job"), "{}", said.out);
    let runtime = Runtime::open(&to).await.unwrap();
    let job = runtime.fetch(open_id.parse().unwrap()).await.unwrap().unwrap();
    runtime.recovered().await;
    let child = say_beside(&with(&["jobs", "--parent", &open_id, "--json"], &to)).await.json();
    let child = child[0]["id"].as_str().unwrap().to_owned();
    assert_eq!(say_beside(&with(&["signal", &child, "number", "5"], &to)).await.exit, 0);
    assert_eq!(job.await.unwrap(), json!(5));
    // By who has the file open.
    runtime.shutdown(Duration::from_secs(1)).await;
    let third = folder.file("third.db").display().to_string();
    let runtime = Runtime::open(&third).await.unwrap();
    assert_eq!(say_beside(&with(&["import", &file], &third)).await.exit, 0);
    let job = runtime.fetch(over_id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(job.await.unwrap(), json!(4));
    runtime.shutdown(Duration::ZERO).await;
    // What is no export.
    for wrong in ["", "{", "[]", "{\"export\": 99}", "{\"export\": 1}", "\u{1b}[2J"] {
        std::fs::write(&file, wrong).unwrap();
        let said = say_beside(&with(&["import", &file], &third)).await;
        assert_eq!(said.exit, 4, "{wrong}: {}", said.err);
        assert!(said.err.contains("jobs.jsonl") && !said.err.contains('\u{1b}'), "{}", said.err);
    }
    assert_eq!(say_beside(&with(&["import", "/nowhere"], &third)).await.exit, 4);
    assert_eq!(
        say_beside(&with(&["export", &over_id], &folder.file("no.db").display().to_string())).await.exit,
        5
    );
}

/// The same on a database, where any machine does it.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_looked_after_from_anywhere() {
    let server = private_postgres::Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let address = server.address();
    let runtime = Runtime::builder().version("7").connect(&address).await.unwrap();
    for n in [1, 11] {
        let _ = runtime.submit_json("small", json!(n)).await.unwrap().await;
    }
    let open = [(); 3].map(|()| runtime.submit(Patient {}));
    let mut ids = Vec::new();
    for one in open {
        ids.push(one.await.unwrap().id().to_string());
    }
    let nodes = say_beside(&with(&["nodes", "--json"], &address)).await.json();
    assert_eq!((&nodes[0]["version"], &nodes[0]["over"]), (&json!("7"), &json!(false)), "{nodes}");
    assert_eq!(nodes[0]["jobs"], json!(3), "{nodes}");
    let said = say_beside(&with(&["nodes"], &address)).await;
    assert!(said.out.contains("living") && said.out.contains(" all"), "{}", said.out);
    let queues = say_beside(&with(&["queues", "--json"], &address)).await.json();
    assert_eq!((&queues[0]["queue"], &queues[0]["running"]), (&json!("default"), &json!(3)));
    let said = say_beside(&with(&["cancel", &ids[0], &ids[1]], &address)).await;
    assert_eq!(said.out, format!("{}  done\n{}  done\n", ids[0], ids[1]), "{}", said.err);
    let said = say_beside(&with(&["prune", "--older-than", "0s", "--dead"], &address)).await;
    assert_eq!(said.out, "4 jobs forgotten\n", "{}", said.err);
    let said = say_beside(&with(&["export", &ids[2]], &address)).await;
    assert_eq!(said.json()["head"]["name"], "Patient");
    assert_eq!(say_beside(&with(&["cancel", "--all", "--text", "patient"], &address)).await.exit, 0);
    runtime.shutdown(Duration::from_secs(1)).await;
}

#[test]
fn how_agents_have_done_is_told_as_a_whole_and_hour_by_hour() {
    let folder = Folder::new("cli-report");
    let path = folder.file("jobs.db").display().to_string();
    let report = |words: &[&str]| say(&with(&[&["report"], words].concat(), &path));
    for (number, exit) in [("1", 0), ("2", 0), ("3", 0), ("11", 1)] {
        assert_eq!(say(&with(&["run", "small", "--input", number], &path)).exit, exit, "{number}");
    }
    let said = report(&[]);
    let all = rows(&said);
    assert_eq!(&all[0][..3], ["AGENT", "ATTEMPTS", "SUCCEEDED"]);
    assert_eq!((&all[1][..4], all.len()), (&["small", "4", "75", "%"][..], 2), "{}", said.out);
    let said = report(&["small", "--last", "2h"]);
    let all = rows(&said);
    // An hour may have turned meanwhile; together they are the whole.
    assert_eq!(all.last().map(|row| &row[..4]), Some(&["all", "4", "75", "%"][..]), "{}", said.out);
    let hours = all[1..all.len() - 1].iter().map(|row| row[1].parse::<u32>().expect("a number"));
    assert_eq!(hours.sum::<u32>(), 4, "{}", said.out);
    let told = report(&["small", "--json"]).json();
    assert_eq!((&told["whole"]["count"], &told["whole"]["succeeded"]), (&json!(4), &json!(3)), "{told}");
    // An agent that did nothing, and none at all.
    let empty = folder.file("other.db").display().to_string();
    say(&with(&["submit", "small", "--input", "1"], &empty)).id();
    assert_eq!(say(&with(&["report"], &empty)).out, "no attempt has ended in this time\n");
    let said = report(&["smal"]);
    assert_eq!(said.exit, 3);
    assert!(said.err.contains("did you mean `small`?"), "{}", said.err);
}
