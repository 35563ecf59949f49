//! What is refused, and what is not in the way.

use serde_json::{Value as Json, json};
use workflow_runtime::Runtime;
use workflow_runtime::http::{NoTool, Site, Tools};
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::http::{Answer, Client};
use workflow_tests::program::{Program, program};

use crate::TOOLBOX;

/// Begins to talk, as clients have long done it.
fn hello(client: &Client) -> Answer {
    let hello = json!({
        "jsonrpc": "2.0", "id": 1, "method": "initialize",
        "params": {
            "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": { "name": "c", "version": "1" },
        },
    });
    client.clone().with("accept", "application/json, text/event-stream").post("/mcp", &hello)
}

#[test]
fn a_page_of_another_site_and_who_has_no_token_are_refused() {
    let folder = Folder::new("mcp-refused");
    let (store, token) = (folder.file("jobs.db"), folder.file("token"));
    let serving = Program::start(TOOLBOX, &["mcp", "--listen", "127.0.0.1:0"], &store);
    let client = serving.client();
    assert_eq!(hello(&client).status, 200);
    assert_eq!(hello(&client.clone().with("origin", "https://evil.example")).kind(), "forbidden");
    assert_eq!(hello(&client.clone().with("host", "evil.example")).kind(), "forbidden");
    assert_eq!(hello(&client.clone().with("x-forwarded-for", "1.2.3.4")).kind(), "forbidden");
    drop(serving);
    std::fs::write(&token, "operator-0123456789").expect("it can be written");
    let reader = folder.file("reader");
    std::fs::write(&reader, "reader-0123456789").expect("it can be written");
    let [token, reader] = [&token, &reader].map(|file| file.to_str().expect("it is text"));
    let words = ["mcp", "--listen", "127.0.0.1:0", "--token-file", token, "--reader-token-file", reader];
    let serving = Program::start(TOOLBOX, &words, &store);
    let client = serving.client();
    assert_eq!((hello(&client).status, hello(&client).kind().as_str()), (401, "login"));
    let with = |token: &str| client.clone().with("authorization", &format!("Bearer {token}"));
    assert_eq!(hello(&with("reader-0123456789")).kind(), "forbidden");
    assert_eq!(hello(&with("nobody-0123456789")).status, 401);
    assert_eq!(hello(&with("operator-0123456789")).status, 200);
    // Who says a token is no page that had a browser send a cookie.
    assert_eq!(hello(&with("operator-0123456789").with("origin", "https://own.example")).status, 200);
    let large = vec![b' '; 3 << 20];
    let sent = with("operator-0123456789").with("accept", "application/json, text/event-stream");
    assert_eq!(sent.send("POST", "/mcp", Some(("application/json", &large))).status, 413);
}

#[test]
fn where_nothing_is_to_be_a_tool_it_is_told() {
    let folder = Folder::new("mcp-none");
    let store = folder.file("jobs.db");
    for (words, why) in [
        (&["mcp", "--tool", "gret"][..], "there is no agent or workflow `gret`; did you mean `greet`?"),
        (&["mcp", "--tag", "none"], "no agent or workflow has the tag `none`"),
        (&["mcp", "--tag", "none", "--listen", "127.0.0.1:0"], "no agent or workflow has the tag `none`"),
    ] {
        let said = program(TOOLBOX, words, &store).output().expect("it runs");
        assert_eq!(said.status.code(), Some(3), "{words:?}");
        let err = String::from_utf8_lossy(&said.stderr);
        assert!(err.contains(why), "{words:?}: {err}");
    }
    let said = program(TOOLBOX, &["mcp", "--all", "--tag", "mcp"], &store).output().expect("it runs");
    assert_eq!(said.status.code(), Some(2));
}

/// Is nobody's tool, unless somebody wants it.
#[task_agent]
async fn shy(word: String) -> String {
    word
}

#[tokio::test]
async fn a_program_names_its_tools() {
    let runtime = Runtime::in_memory().await.expect("it starts");
    let refused = Site::new(&runtime).tools(&Tools::named("shi")).expect_err("there is none");
    assert_eq!(refused, NoTool::Unknown { name: "shi".to_owned(), nearest: Some("shy".to_owned()) });
    let none = Site::new(&runtime).tools(&Tools::tagged("mcp")).expect_err("there is none");
    assert_eq!(none, NoTool::NoneTagged { tag: "mcp".to_owned() });
    assert!(Site::new(&runtime).tools(&Tools::all()).is_ok());
}

/// What came back over pipes, line by line, to these lines.
async fn spoken(site: Site, lines: &[&str]) -> Vec<Json> {
    let (client, server) = tokio::io::duplex(1 << 20);
    let (from, to) = tokio::io::split(server);
    let (mut read, mut write) = tokio::io::split(client);
    let speaking = site.speak(from, to, std::future::pending());
    let talking = async {
        use tokio::io::{AsyncReadExt, AsyncWriteExt};
        for line in lines {
            write.write_all(format!("{line}\n").as_bytes()).await.expect("it is read");
        }
        write.shutdown().await.expect("it can be closed");
        let mut said = String::new();
        read.read_to_string(&mut said).await.expect("it is text");
        said.lines().map(|line| serde_json::from_str(line).expect("it is JSON")).collect()
    };
    tokio::join!(speaking, talking).1
}

#[tokio::test]
async fn nonsense_ends_nothing() {
    let runtime = Runtime::in_memory().await.expect("it starts");
    let site = || Site::new(&runtime).tools(&Tools::named("shy")).expect("there is one");
    assert_eq!(spoken(site(), &[]).await, Vec::<Json>::new());
    drop(spoken(site(), &["nonsense"]).await);
    let hello = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-06-18","capabilities":{},"clientInfo":{"name":"c","version":"1"}}}"#;
    let begun = r#"{"jsonrpc":"2.0","method":"notifications/initialized"}"#;
    let list = r#"{"jsonrpc":"2.0","id":2,"method":"tools/list"}"#;
    let said = spoken(site(), &[hello, begun, "nonsense", "{\"jsonrpc\":1}", "\u{0}", list]).await;
    let listed = said.iter().find(|line| line["id"] == 2);
    assert_eq!(listed.map(|line| &line["result"]["tools"][0]["name"]), Some(&json!("shy")), "{said:?}");
}
