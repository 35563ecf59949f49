//! What the official client makes of our tools.

use std::path::Path;
use std::process::Command;

use serde_json::{Value as Json, json};
use workflow_tests::folder::Folder;
use workflow_tests::packages::official_mcp;
use workflow_tests::program::{Program, program};

use crate::TOOLBOX;

/// What the client has seen.
fn seen(words: &[&str]) -> Json {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mcp/client.py");
    let mut client = Command::new("python3");
    let done =
        client.arg(script).args(words).env("PYTHONPATH", official_mcp()).output().expect("python3 runs");
    let (out, err) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    serde_json::from_str(&out).unwrap_or_else(|error| panic!("{words:?}: {error}\n{out}\n{err}"))
}

/// All that must be so, however they talk. Gives the job that was cancelled.
fn check(seen: &Json, protocol: &str) {
    assert_eq!(seen["protocol"], protocol);
    assert_eq!(seen["server"], json!(["toolbox", "1.2.3"]));
    let tools: Vec<&String> = seen["tools"].as_object().expect("an object").keys().collect();
    assert_eq!(tools, ["Errand", "add", "fail", "greet", "linger"]);
    assert_eq!(seen["tools"]["add"][0], "Adds two numbers.");
    assert_eq!(seen["tools"]["add"][1]["properties"]["a"]["description"], "The first.");
    assert_eq!(seen["tools"]["greet"][1]["properties"]["input"]["type"], "string");
    assert_eq!(seen["tools"]["greet"][2]["required"], json!(["result"]));
    assert_eq!(seen["greet"]["structured"], json!({ "result": "hello ann" }));
    assert_eq!(seen["greet"]["text"], json!([r#"{"result":"hello ann"}"#]));
    assert!(seen["greet"]["job"].is_string(), "{seen}");
    assert_eq!(seen["add"]["structured"], json!({ "sum": 5 }));
    let has_failed = |call: &str, why: &str| {
        assert_eq!(seen[call]["error"], true, "{call}: {seen}");
        let text = seen[call]["text"][0].as_str().unwrap_or_default();
        assert!(text.contains(why), "{call}: {text}");
    };
    has_failed("wrong", "\n/a: ");
    has_failed("none", "`input` is missing");
    has_failed("fail", "it rains");
    assert!(seen["fail"]["job"].is_string(), "{seen}");
    assert!(seen["unknown"].as_str().is_some_and(|why| why.contains("did you mean `greet`?")), "{seen}");
    assert_eq!(seen["errand"]["structured"], json!({ "result": "bread" }));
    assert_eq!(seen["after"]["structured"], json!({ "sum": 2 }));
    check_progress(&seen["progress"]);
}

/// It grows, never beyond its whole, and tells of each step.
fn check_progress(progress: &Json) {
    let told = progress.as_array().expect("an array");
    let (mut last, mut words) = (0.0, Vec::new());
    for one in told {
        let (done, total) = (one[0].as_f64().unwrap_or(-1.0), one[1].as_f64().unwrap_or(-1.0));
        assert!(done > last && done <= total && total >= 3.0, "{progress}");
        last = done;
        words.extend(one[2].as_str());
    }
    for word in ["gone: begins", "gone: half of bread", "gone: done", "come: done"] {
        assert!(words.contains(&word), "{word}: {progress}");
    }
}

/// Waits until the job that was cancelled is over, as the file tells.
fn check_cancelled(store: &Path) {
    for _ in 0..600 {
        let listed =
            program(TOOLBOX, &["jobs", "--name", "linger", "--json"], store).output().expect("it runs");
        let listed: Json = serde_json::from_slice(&listed.stdout).expect("it is JSON");
        if listed[0]["state"] == "cancelled" {
            return;
        }
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    panic!("it was not cancelled");
}

#[test]
fn over_pipes_in_both_ages() {
    for (mode, protocol) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let folder = Folder::new("mcp-stdio");
        let store = folder.file("jobs.db");
        let name = store.to_str().expect("it is text");
        check(&seen(&["stdio", mode, TOOLBOX, "mcp", "--store", name]), protocol);
        check_cancelled(&store);
    }
}

#[test]
fn over_pipes_beside_a_process_that_works_on_the_file() {
    let folder = Folder::new("mcp-beside");
    let store = folder.file("jobs.db");
    let _worker = Program::start(TOOLBOX, &["worker"], &store);
    let name = store.to_str().expect("it is text");
    let seen = seen(&["stdio", "auto", TOOLBOX, "mcp", "--store", name]);
    assert_eq!(seen["errand"]["structured"], json!({ "result": "bread" }));
    check_cancelled(&store);
}

#[test]
fn over_http_in_both_ages() {
    for (mode, protocol) in [("auto", "2026-07-28"), ("legacy", "2025-11-25")] {
        let folder = Folder::new("mcp-http");
        let store = folder.file("jobs.db");
        let serving = Program::start(TOOLBOX, &["mcp", "--listen", "127.0.0.1:0"], &store);
        check(&seen(&["http", mode, &format!("http://{}/mcp", serving.address())]), protocol);
        check_cancelled(&store);
    }
}

#[test]
fn who_has_a_token_is_let_in() {
    let folder = Folder::new("mcp-token");
    let (store, token) = (folder.file("jobs.db"), folder.file("token"));
    std::fs::write(&token, "operator-0123456789").expect("it can be written");
    let words = ["mcp", "--listen", "127.0.0.1:0", "--token-file", token.to_str().expect("it is text")];
    let serving = Program::start(TOOLBOX, &words, &store);
    let address = format!("http://{}/mcp", serving.address());
    let seen = seen(&["http", "auto", &address, "operator-0123456789"]);
    assert_eq!(seen["add"]["structured"], json!({ "sum": 5 }));
    let audit = serving.client().with("authorization", "Bearer operator-0123456789").get("/api/audit").json();
    assert!(
        audit["records"].as_array().is_some_and(|all| all.iter().all(|one| one["who"] == "operator")),
        "{audit}"
    );
}
