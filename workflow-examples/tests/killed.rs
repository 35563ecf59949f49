//! The example that is killed in the middle and started again ends right, and does nothing again that was done.
#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SHOP: &str = env!("CARGO_BIN_EXE_shop");

/// The steps, and those that each needs.
const NEEDS: &[(&str, &[&str])] = &[
    ("payment", &[]),
    ("picked[0]/pick", &[]),
    ("picked[1]/pick", &[]),
    ("picked[2]/pick", &[]),
    ("packed", &["payment", "picked[0]/pick", "picked[1]/pick", "picked[2]/pick"]),
    ("parcel", &["packed"]),
];

/// An empty folder of a test's own.
fn folder(name: &str) -> PathBuf {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

/// Starts the shop, and kills it when it has said so many lines; gives all that it said, and whether it ended well.
fn shop(folder: &Path, lines: usize) -> (Vec<String>, bool) {
    let mut child = Command::new(SHOP)
        .arg(folder)
        .args(["7", "0.02"])
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example can be started");
    let mut output = BufReader::new(child.stdout.take().expect("its output is piped")).lines();
    let mut said: Vec<String> = output.by_ref().take(lines).map_while(Result::ok).collect();
    if said.len() == lines {
        // SIGKILL: it hears nothing of it.
        child.kill().expect("it can be killed");
    }
    said.extend(output.map_while(Result::ok));
    (said, child.wait().expect("it ends").success())
}

/// The step and the attempt of each line of these words.
fn attempts<'a>(said: &'a [String], words: &str) -> Vec<(&'a str, u32)> {
    let attempt = |line: &'a String| {
        let (attempt, said) = line.split_once(": ")?;
        let (step, number) = attempt.split_once(", attempt ")?;
        (said == words).then(|| (step, number.parse().expect("a number")))
    };
    said.iter().filter_map(attempt).collect()
}

/// Attempts are counted over all processes, and nothing begins again that another step was given.
fn check(said: &[Vec<String>]) {
    let mut before: Vec<(&str, u32)> = Vec::new();
    for begun in said.iter().map(|said| attempts(said, "begins")) {
        for (step, number) in &begun {
            let is_counted = before.iter().all(|(other, earlier)| other != step || earlier < number);
            assert!(is_counted, "{step}, attempt {number}: {said:#?}");
            let is_given = |(other, _): &(&str, u32)| {
                NEEDS.iter().any(|(reader, needs)| reader == other && needs.contains(step))
            };
            assert!(!before.iter().any(is_given), "{step} was done, and begins again: {said:#?}");
        }
        before.extend(begun);
    }
}

/// What the job gave, without its key, which is another each time.
fn receipt(said: &[String]) -> (String, String) {
    let last = said.last().expect("it said something");
    let (receipt, key) = last.split_once(" by ").unwrap_or_else(|| panic!("{said:?}"));
    (receipt.to_owned(), key.to_owned())
}

#[test]
fn whenever_it_is_killed_it_ends_right_and_does_nothing_again() {
    let folder = folder("whenever");
    let (whole, ended) = shop(&folder.join("whole"), usize::MAX);
    assert!(ended, "{whole:#?}");
    let (expected, _) = receipt(&whole);
    assert_eq!(expected, "order 7: parcel 7 with 3 articles, 4200 cents");
    let mut again = 0;
    for lines in 0..=whole.len() {
        let folder = folder.join(lines.to_string());
        let (first, _) = shop(&folder, lines);
        let (second, ended) = shop(&folder, usize::MAX);
        assert!(ended, "after {lines} lines: {second:#?}");
        let (given, key) = receipt(&second);
        assert_eq!(given, expected, "after {lines} lines: {second:#?}");
        // Once a step has begun, the order is taken in.
        assert!(first.len() < 2 || second[0] != "order 7 is new", "after {lines} lines: {second:#?}");
        again += attempts(&second, "begins").iter().filter(|(_, number)| *number > 1).count();
        check(&[first, second.clone()]);
        // Whoever asks once more is told the same.
        let (third, ended) = shop(&folder, usize::MAX);
        assert!(ended && third[0] == "order 7 is over" && receipt(&third) == (given, key), "{third:#?}");
    }
    assert!(again > 10, "only {again} attempts were made again");
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

#[test]
fn killed_again_and_again_it_comes_to_its_end() {
    let folder = folder("again");
    let mut said = Vec::new();
    // Each time it gets a little farther, for what kills its process five times is given up.
    while said.last().is_none_or(|last: &Vec<String>| !last.iter().any(|line| line.starts_with("order 7: ")))
    {
        assert!(said.len() < 30, "it never ends: {said:#?}");
        said.push(shop(&folder, 6 + 4 * said.len()).0);
    }
    assert!(said.len() > 2, "{said:#?}");
    check(&said);
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}

/// The lines of the README, word for word, but for who builds the program, and where it keeps its jobs.
#[test]
fn what_the_readme_shows_works() {
    let readme =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/../README.md")).expect("it is there");
    let (_, section) = readme.split_once("## When the process ends").expect("it has the section");
    let (_, block) = section.split_once("```sh\n").expect("it has commands");
    let (commands, shown) = block.split_once("```\n").expect("they end");
    let folder = folder("readme");
    let commands = commands
        .replace("cargo build -q -p workflow-examples\n", "")
        .replace("cargo run -q -p workflow-examples --bin shop --", SHOP)
        .replace("target/shop", &folder.display().to_string());
    assert!(!commands.contains("cargo") && commands.matches(SHOP).count() == 2, "{commands}");
    let output = Command::new("sh").args(["-c", &commands]).output().expect("there is a shell");
    let said: Vec<String> = String::from_utf8_lossy(&output.stdout).lines().map(str::to_owned).collect();
    assert!(output.status.success(), "{output:?}");
    let goes_on =
        said.iter().position(|line| line == "order 1 goes on").expect("it was killed in the middle");
    let (first, second) = said.split_at(goes_on);
    check(&[first.to_vec(), second.to_vec()]);
    assert_eq!(receipt(&said).0, "order 1: parcel 1 with 3 articles, 4200 cents");
    // What it shows is what is seen, but for the order of what runs at once, for the key, and for how far it came.
    let (shown, _) =
        shown.split_once("```text\n").expect("it shows what is seen").1.split_once("```").expect("it ends");
    let is_certain = |line: &&str| *line != "…" && !line.starts_with("packed") && !line.contains(" by ");
    for line in shown.lines().filter(is_certain) {
        assert!(said.iter().any(|said| said == line), "`{line}` is shown, and what is seen is {said:#?}");
    }
    std::fs::remove_dir_all(&folder).expect("it can be removed");
}
