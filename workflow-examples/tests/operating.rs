//! What the tour shows of the command line is what it prints: its commands are run, one after the other, and what they print
//! is compared, but for ids and times.

#![cfg(unix)]

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value as Json;

const CHAPTER: &str = include_str!("../../workflow-runtime/doc/tour/operating.md");

/// A worker, which is ended with the test.
struct Worker(Child);

impl Drop for Worker {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn shop(folder: &Path) -> Command {
    let mut program = Command::new("sh");
    program
        .current_dir(folder)
        .env("WORKFLOW_STORE", "jobs.db")
        .env("SHOP", env!("CARGO_BIN_EXE_workflow-examples"));
    program
}

/// The commands of the chapter, and what is printed below each.
fn shown() -> Vec<(&'static str, Vec<&'static str>)> {
    let mut shown: Vec<(&str, Vec<&str>)> = Vec::new();
    let mut within = false;
    for line in CHAPTER.lines() {
        match (within, line.strip_prefix("$ ")) {
            (_, _) if line.starts_with("```") => within = line == "```console",
            (true, Some(command)) => shown.push((command, Vec::new())),
            (true, None) => shown.last_mut().expect("a command comes first").1.push(line),
            (false, _) => {}
        }
    }
    shown
}

fn is_id(word: &str) -> bool {
    let is_part = |part: &str| part.chars().all(|letter| letter.is_ascii_hexdigit());
    word.len() == 36 && word.split('-').count() == 5 && word.split('-').all(is_part)
}

/// The ids in a text.
fn ids(text: &str) -> Vec<String> {
    let is_of_id = |letter: char| letter.is_ascii_hexdigit() || letter == '-';
    text.split(|letter| !is_of_id(letter)).filter(|word| is_id(word)).map(str::to_owned).collect()
}

/// A word; where it is an object, in an order of its members that every build has.
fn ordered(word: &str) -> String {
    fn sorted(json: Json) -> Json {
        match json {
            Json::Object(members) => {
                let members: BTreeMap<String, Json> =
                    members.into_iter().map(|(name, json)| (name, sorted(json))).collect();
                members.into_iter().collect()
            }
            other => other,
        }
    }
    match serde_json::from_str::<Json>(word) {
        Ok(json @ Json::Object(_)) => sorted(json).to_string(),
        _ => word.to_owned(),
    }
}

/// The words of a line, but for times.
fn words(line: &str) -> Vec<String> {
    let is_number = |word: &str| word.trim_start_matches('+').parse::<f64>().is_ok();
    let is_moment = |word: &str| word.starts_with("20") && word.trim_end_matches(',').ends_with('Z');
    let all: Vec<&str> = line.split_whitespace().collect();
    let is_time = |place: usize| {
        let unit = |word: Option<&&str>| matches!(word, Some(&("ms" | "s")));
        is_moment(all[place])
            || (is_number(all[place]) && unit(all.get(place + 1)))
            || (place > 0 && is_number(all[place - 1]) && unit(Some(&all[place])))
    };
    (0..all.len()).filter(|place| !is_time(*place)).map(|place| ordered(all[place])).collect()
}

/// Compares what is shown with what was printed; `…` stands for any lines.
fn fits(shown: &[&str], printed: &[&str]) -> bool {
    match (shown, printed) {
        ([], []) => true,
        (["…", rest @ ..], _) => (0..=printed.len()).any(|skipped| fits(rest, &printed[skipped..])),
        ([line, rest @ ..], [other, others @ ..]) => words(line) == words(other) && fits(rest, others),
        _ => false,
    }
}

#[test]
fn the_commands_of_the_tour_print_what_it_shows() {
    let folder = std::env::temp_dir().join(format!("workflow-operating-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    let mut worker = shop(&folder);
    let worker = worker.args(["-c", "exec \"$SHOP\" worker"]).stderr(Stdio::piped()).spawn();
    let mut worker = Worker(worker.expect("it can be started"));
    let mut said = BufReader::new(worker.0.stderr.take().expect("it is piped")).lines();
    assert!(said.any(|line| line.is_ok_and(|line| line.starts_with("at work"))), "it does not begin to work");

    let commands = shown();
    assert!(commands.len() > 9, "{commands:?}");
    // The ids of the chapter, and those that stand for them here.
    let mut known: HashMap<String, String> = HashMap::new();
    for (command, expected) in commands {
        let mut script = command.replacen("shop", "\"$SHOP\"", 1);
        known.iter().for_each(|(theirs, ours)| script = script.replace(theirs, ours));
        let ran = shop(&folder).args(["-c", &format!("{script} 2>&1")]).output().expect("it can be run");
        let mut printed = String::from_utf8_lossy(&ran.stdout).into_owned();
        if let ([line], [given]) = (expected.as_slice(), ids(&printed).as_slice())
            && is_id(line)
        {
            known.insert((*line).to_owned(), given.clone());
        }
        known.iter().for_each(|(theirs, ours)| printed = printed.replace(ours, theirs));
        let printed: Vec<&str> = printed.lines().collect();
        assert!(fits(&expected, &printed), "$ {command}\nshows {expected:#?}\nand printed {printed:#?}");
    }
    drop(worker);
    let _ = fs::remove_dir_all(&folder);
}
