//! What a newcomer runs first, is interrupted, and goes on when it is run again.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};

fn first(folder: &Path) -> Child {
    let mut program = Command::new(env!("CARGO_BIN_EXE_workflow-examples"));
    program.current_dir(folder).env_remove("WORKFLOW_STORE").stdin(Stdio::null());
    program.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it can be run")
}

#[test]
fn it_goes_on_where_it_was_interrupted() {
    let folder = std::env::temp_dir().join(format!("workflow-first-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(folder.join("target")).expect("a folder can be made");

    let mut child = first(&folder);
    let told = BufReader::new(child.stderr.take().expect("it is piped"));
    let mut lines = told.lines().map_while(Result::ok);
    let job = lines.next().expect("it says which job it is");
    assert!(lines.any(|line| line.contains("the connection was cut; again at ")), "a region fails at first");
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().expect("there is `kill`").success());
    let rest: Vec<String> = lines.collect();
    assert_eq!(child.wait().expect("it ends").code(), Some(130), "{rest:?}");
    assert!(rest.iter().any(|line| line.contains("goes on when its store is opened again")), "{rest:?}");

    let mut child = first(&folder);
    let (mut out, mut told) = (String::new(), String::new());
    child.stderr.take().expect("it is piped").read_to_string(&mut told).expect("it is text");
    child.stdout.take().expect("it is piped").read_to_string(&mut out).expect("it is text");
    assert!(child.wait().expect("it ends").success(), "{told}");
    assert!(told.starts_with(&format!("{job}\n")), "it is the same job: {told}");
    assert!(told.contains("Where to look next"), "{told}");
    assert!(out.contains("Monday: 40 orders for 810.00"), "{out}");
    let _ = fs::remove_dir_all(&folder);
}
