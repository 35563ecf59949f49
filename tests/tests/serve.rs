//! The dashboard as a command: beside a process that works on the file, by itself, and where it is refused.

use std::net::{SocketAddr, TcpListener};
use std::process::Output;

use serde_json::json;
use workflow_tests::folder::Folder;
use workflow_tests::http::Client;
use workflow_tests::program::{Program, program};

const SPEAKER: &str = env!("CARGO_BIN_EXE_speaker");

/// Hands a job in, and waits until it is over.
fn speak(client: &Client) {
    let submitted = client.post("/api/jobs", &json!({ "name": "speak", "input": "up" }));
    assert_eq!(submitted.status, 201, "{}", submitted.text());
    let id = submitted.json()["job"].as_str().expect("it is told").to_owned();
    let last = client.events(&format!("/api/jobs/{id}/events")).last().expect("there are events");
    assert_eq!((last.0.as_str(), &last.2["state"]), ("over", &json!("succeeded")));
    assert_eq!(client.get(&format!("/api/jobs/{id}")).json()["output"], "up");
    let deed = &client.get("/api/audit").json()["records"][0];
    assert_eq!((&deed["who"], &deed["came"]), (&json!("local"), &json!(format!("job {id}"))));
}

#[test]
fn what_another_process_works_on_is_shown_and_that_process_acts() {
    let folder = Folder::new("serve-beside");
    let file = folder.file("jobs.db");
    let worker = Program::start(SPEAKER, &["worker"], &file);
    let serving = Program::start(SPEAKER, &["serve", "--listen", "127.0.0.1:0"], &file);
    assert!(serving.said[0].starts_with("another process works on"), "{:?}", serving.said);
    let client = serving.client();
    speak(&client);
    assert_eq!(client.get("/ready").status, 200);
    // Its queues are those that the jobs in the file tell of.
    assert_eq!(client.get("/api/queues").json()["queues"], json!([]));
    let later =
        client.post("/api/jobs", &json!({ "name": "speak", "input": "up", "how": { "delay": "1h" } }));
    assert_eq!(later.status, 201, "{}", later.text());
    assert_eq!(client.post("/api/queues/slow/pause", &json!({})).status, 200);
    let queues = client.get("/api/queues").json()["queues"].clone();
    let told: Vec<_> = queues
        .as_array()
        .expect("a list")
        .iter()
        .map(|queue| (queue["name"].as_str(), queue["paused"].as_bool(), &queue["limit"]))
        .collect();
    assert_eq!(
        told,
        [(Some("default"), Some(false), &json!(null)), (Some("slow"), Some(true), &json!(null))]
    );
    let unknown = client.post("/api/jobs", &json!({ "name": "speek", "input": "up" }));
    assert_eq!(unknown.status, 404);
    assert!(unknown.text().contains("did you mean `speak`?"), "{}", unknown.text());
    drop(worker);
    // It is still looked at; only nobody is there who would act.
    assert_eq!(client.get("/api/jobs").json()["jobs"].as_array().map(Vec::len), Some(2));
    let refused = client.post("/api/jobs", &json!({ "name": "speak", "input": "up" }));
    assert_eq!((refused.status, refused.kind().as_str()), (503, "store"));
}

#[test]
fn where_nobody_works_on_a_file_the_command_does() {
    let folder = Folder::new("serve-alone");
    let serving = Program::start(SPEAKER, &["serve", "--listen", "127.0.0.1:0"], &folder.file("jobs.db"));
    speak(&serving.client());
    assert!(serving.client().get("/metrics").text().contains("workflow_queue_waiting"));
}

#[test]
fn what_everybody_could_reach_or_guess_is_refused_with_what_to_do() {
    let folder = Folder::new("serve-refused");
    let file = folder.file("jobs.db");
    let say = |words: &[&str], token: Option<&str>| {
        let mut program = program(SPEAKER, words, &file);
        if let Some(token) = token {
            program.env("WORKFLOW_TOKEN", token);
        }
        let Output { status, stderr, .. } = program.output().expect("it can be run");
        (status.code(), String::from_utf8(stderr).expect("it is text"))
    };
    let (exit, said) = say(&["serve", "--listen", "0.0.0.0:0"], None);
    assert!(exit == Some(2) && said.contains("WORKFLOW_TOKEN"), "{exit:?} {said}");
    let (exit, said) = say(&["serve"], Some("short"));
    assert!(exit == Some(2) && said.contains("WORKFLOW_TOKEN: a token needs 16"), "{exit:?} {said}");
    let (exit, said) = say(&["serve", "--token-file", "/nowhere/at/all"], None);
    assert!(exit == Some(2) && said.contains("/nowhere/at/all"), "{exit:?} {said}");
    let taken = TcpListener::bind("127.0.0.1:0").expect("there is a port");
    let address: SocketAddr = taken.local_addr().expect("it has an address");
    let (exit, said) = say(&["serve", "--listen", &address.to_string()], None);
    assert!(exit == Some(1) && said.contains("name another by --listen"), "{exit:?} {said}");
    assert!(!file.exists(), "nothing was opened");
}
