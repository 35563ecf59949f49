//! The service takes orders, tells what became of them, ends in an orderly way, and goes on with what was left.

#![cfg(unix)]

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use serde_json::{Value, json};

struct Service {
    process: Child,
    says: BufReader<ChildStdout>,
    address: String,
}

impl Service {
    fn start(folder: &Path) -> Self {
        let mut program = Command::new(env!("CARGO_BIN_EXE_service"));
        program.arg("127.0.0.1:0").arg(folder.join("jobs.db")).stdout(Stdio::piped());
        let mut process = program.spawn().expect("it can be started");
        let mut says = BufReader::new(process.stdout.take().expect("it is piped"));
        let mut line = String::new();
        says.read_line(&mut line).expect("it says where it is");
        let address = line.trim().strip_prefix("http://").unwrap_or_else(|| panic!("{line:?}")).to_owned();
        Self { process, says, address }
    }

    /// Asks something; gives the code and what came with it.
    fn ask(&self, method: &str, path: &str, body: &str) -> (u16, Value) {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        let length = body.len();
        let head = "host: test\r\nconnection: close\r\ncontent-type: application/json";
        write!(stream, "{method} {path} HTTP/1.1\r\n{head}\r\ncontent-length: {length}\r\n\r\n{body}")
            .expect("it reads");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("it answers");
        let (head, body) = answer.split_once("\r\n\r\n").expect("there is a head");
        let code = head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("there is a code");
        (code, serde_json::from_str(body).unwrap_or_else(|_| json!(body)))
    }

    fn order(&self, order: &Value) -> (u16, Value) {
        self.ask("POST", "/orders", &order.to_string())
    }

    /// Tells it to end, and gives what it says then.
    fn end(mut self, signal: &str) -> String {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().expect("there is `kill`").success());
        let mut rest = String::new();
        self.says.read_to_string(&mut rest).expect("it is text");
        assert!(self.process.wait().expect("it ends").success(), "{rest}");
        rest
    }
}

impl Drop for Service {
    /// Nothing is left behind by a test that fails.
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn folder() -> PathBuf {
    let folder = std::env::temp_dir().join(format!("workflow-service-{}", std::process::id()));
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder can be made");
    folder
}

#[test]
fn orders_are_taken_told_of_and_go_on_when_it_is_started_again() {
    let folder = folder();
    let service = Service::start(&folder);
    // It waits for consent, so that it is not over when the service ends.
    let large = json!({"id": 7, "articles": [1, 2], "cents": 500_000});
    let (code, accepted) = service.order(&large);
    assert_eq!(code, 202, "{accepted}");
    let at = accepted["at"].as_str().expect("it says where").to_owned();
    assert_eq!(service.order(&large), (202, accepted.clone()), "an order is taken once");
    let (code, refused) = service.order(&json!({"id": 8}));
    assert_eq!(code, 422, "{refused}");
    let (code, told) = service.ask("GET", "/jobs/01941f29-7c00-7000-8000-000000000000", "");
    assert_eq!(code, 404, "{told}");
    assert_eq!(service.ask("GET", "/jobs/7", "").0, 400);
    let said = service.end("-TERM");
    assert_eq!(said, "1 jobs go on when the service is started again\n");

    let service = Service::start(&folder);
    let (code, told) = service.ask("GET", &at, "");
    assert_eq!((code, &told["runs"], &told["job"]), (200, &json!("Fulfil"), &accepted["job"]), "{told}");
    assert_eq!(service.order(&large), (202, accepted), "also by another process");

    // What no parcel holds fails soon, and says why.
    let (_, accepted) = service.order(&json!({"id": 9, "articles": vec![1; 11], "cents": 500}));
    let at = accepted["at"].as_str().expect("it says where");
    let told = loop {
        let (_, told) = service.ask("GET", at, "");
        if told["state"] == "Failed" {
            break told;
        }
        std::thread::yield_now();
    };
    let failure = told["failure"].as_str().expect("it says why");
    assert!(
        failure.ends_with("step `parcel`, attempt 1: a parcel holds 10 articles, and not 11"),
        "{failure}"
    );
    service.end("-INT");
    let _ = fs::remove_dir_all(&folder);
}
