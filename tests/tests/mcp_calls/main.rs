//! Tools of other servers, by the agent `mcp`: of the official implementation in Python over both transports, and of our own.

mod setting;

use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;
use workflow_agents::policy::{Limits, Role};
use workflow_agents::{Mcp, McpServer, McpServers};
use workflow_runtime::JobState;
use workflow_tests::folder::Folder;
use workflow_tests::packages::official_mcp;
use workflow_tests::program::Program;

use setting::{Setting, until};

/// The program whose agents are tools.
const TOOLBOX: &str = env!("CARGO_BIN_EXE_toolbox");

fn script() -> String {
    format!("{}/tests/mcp_calls/server.py", env!("CARGO_MANIFEST_DIR"))
}

/// The official server, over pipes.
fn over_pipes() -> McpServer {
    let packages = official_mcp().to_str().expect("it is text");
    McpServer::program("python3").argument(script()).environment("PYTHONPATH", packages)
}

fn everything() -> Role {
    Role::new().tool("mcp").server("*")
}

async fn official() -> Setting {
    Setting::with(everything(), McpServers::new().server("official", over_pipes())).await
}

fn call(tool: &str) -> Mcp {
    Mcp::new("official", tool)
}

fn with(call: Mcp, name: &str, value: impl serde::Serialize) -> Mcp {
    call.argument(name, &value).expect("it is JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_answers_and_says_how_far_it_is() {
    let setting = official().await;
    let answer = setting.run(with(with(call("add"), "a", 2), "b", 3)).await.expect("it answers");
    assert_eq!((answer.structured.clone(), answer.text().as_str()), (Some(json!({ "result": 5 })), "5"));
    let job = setting.submit(with(call("count"), "to", 4)).await;
    let (mut progress, mut said) = (job.progress(), Vec::new());
    while let Some(told) = progress.next().await {
        said.push((told.fraction, told.message.to_string()));
    }
    assert_eq!(job.await.expect("it answers").text(), "done");
    // Only the last word counts, and the very last may come with the answer.
    assert!(!said.is_empty());
    for (share, word) in said {
        assert_eq!(word, format!("at {}", share * 4.0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_there_fails_here() {
    let setting = official().await;
    let told = setting.run(with(call("fail"), "why", "it rains")).await.expect_err("it fails");
    assert!(told.contains("`fail` of `official` failed: Error executing tool fail"), "{told}");
    let told = setting.run(with(call("add"), "a", "two")).await.expect_err("it is refused");
    assert!(told.contains("add"), "{told}");
    let told = setting.run(call("no_such_tool")).await.expect_err("it is refused");
    assert!(told.contains("no_such_tool"), "{told}");
    let told = setting.run(Mcp::new("oficial", "add")).await.expect_err("it is not known");
    assert!(told.contains("there is no server `oficial`; did you mean `official`?"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_has_gone_is_begun_again() {
    let setting = official().await;
    let told = setting.run(call("die")).await.expect_err("it goes");
    assert!(told.contains("`official` has gone, and it is not known whether `die` was done"), "{told}");
    assert_eq!(setting.run(with(with(call("add"), "a", 1), "b", 1)).await.expect("it answers").text(), "2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_stopped_is_taken_back() {
    let (setting, folder) = (official().await, Folder::new("mcp-calls"));
    let file = folder.file("told");
    let job = setting.submit(with(call("linger"), "file", &file)).await;
    until("it has begun", || folder.file("told.begun").exists()).await;
    assert!(job.cancel("by hand").await);
    until("the server is told", || file.exists()).await;
    // The same where it takes longer than it may.
    let file = folder.file("late");
    let limits = Limits { time_ms: Some(2000), ..Limits::default() };
    let told = setting.run(with(call("linger"), "file", &file).limits(limits)).await.expect_err("it is late");
    assert!(told.contains("`official` did not answer within 2s"), "{told}");
    until("the server is told", || file.exists()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_answer_is_refused_and_not_cut() {
    let setting = official().await;
    let limits = Limits { output: Some(1000), ..Limits::default() };
    let told = setting.run(with(call("long"), "length", 2000).limits(limits)).await.expect_err("it is long");
    assert!(told.contains("1000 are the limit"), "{told}");
    assert_eq!(setting.run(with(call("long"), "length", 2000)).await.expect("it answers").text().len(), 2000);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_has_nothing_that_it_is_not_given() {
    let server = over_pipes().environment("OWN", "it is ${PATH}");
    let setting = Setting::with(everything(), McpServers::new().server("official", server)).await;
    let answer = setting.run(call("environment")).await.expect("it answers");
    let names: Vec<String> =
        serde_json::from_value(answer.structured.expect("it is")["result"].clone()).expect("names");
    let has = |name: &str| names.iter().any(|known| known == name);
    // Cargo gives it to tests, and this one does not give it on.
    assert!(std::env::var_os("CARGO_PKG_NAME").is_some());
    assert!(has("OWN") && has("PATH") && !has("CARGO_PKG_NAME") && !has("HOME"), "{names:?}");
    let server = over_pipes().environment("OWN", "${NO_SUCH_VARIABLE}");
    let setting = Setting::with(everything(), McpServers::new().server("official", server)).await;
    let told = setting.run(call("environment")).await.expect_err("it is not begun");
    assert!(told.contains("the variable `NO_SUCH_VARIABLE` is not set"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_role_calls_what_it_may() {
    let servers = || McpServers::new().server("official", over_pipes()).server("a/b", over_pipes());
    let role = Role::new().tool("mcp").server("official/add").server("a/*");
    let setting = Setting::with(role, servers()).await;
    assert!(setting.run(with(with(call("add"), "a", 1), "b", 1)).await.is_ok());
    for refused in
        [call("fail"), Mcp::new("a/b", "add"), Mcp::new("a", "b/add"), Mcp::new("official/add", "")]
    {
        let told = setting.run(refused.clone()).await.expect_err("it is refused");
        let is_refused = told.contains("role.caller.servers") || told.contains("there is no server `a`");
        assert!(is_refused, "{refused:?}: {told}");
    }
    assert_eq!(setting.audited(), 3);
    let setting = Setting::with(Role::new().server("*"), servers()).await;
    let told = setting.run(call("add")).await.expect_err("it has no tools");
    assert!(told.contains("role.caller.tools"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_official_server_over_http() {
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .expect("one is free")
        .port();
    let mut server = Command::new("python3")
        .args([script(), port.to_string()])
        .env("PYTHONPATH", official_mcp())
        .stderr(Stdio::null())
        .spawn()
        .expect("it starts");
    until("it listens", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok()).await;
    let servers =
        McpServers::new().server("official", McpServer::http(format!("http://127.0.0.1:{port}/mcp")));
    let setting = Setting::with(everything(), servers).await;
    let answer = setting.run(with(with(call("add"), "a", 2), "b", 3)).await.expect("it answers");
    assert_eq!(answer.structured, Some(json!({ "result": 5 })));
    server.kill().and_then(|()| server.wait()).expect("it is killed");
    let told = setting.run(with(with(call("add"), "a", 2), "b", 3)).await.expect_err("it is gone");
    assert!(told.contains("`official` has gone") || told.contains("the server is not there"), "{told}");
}

/// Our own tools, by our own agent: a token is said from the environment, and is nowhere else.
async fn own(server: McpServer) {
    let setting = Setting::with(everything(), McpServers::new().server("own", server)).await;
    let answer = setting.run(with(Mcp::new("own", "greet"), "input", "ann")).await.expect("it answers");
    assert_eq!(answer.structured, Some(json!({ "result": "hello ann" })));
    let told = setting.run(with(Mcp::new("own", "fail"), "input", "it rains")).await.expect_err("it fails");
    assert!(told.contains("it rains"), "{told}");
    let job = setting.submit(with(Mcp::new("own", "Errand"), "what", "bread")).await;
    let (mut progress, mut said) = (job.progress(), Vec::new());
    while let Some(told) = progress.next().await {
        said.push(told.message.to_string());
    }
    assert_eq!(job.status().state, JobState::Succeeded);
    assert!(said.iter().any(|word| word.starts_with("stayed: ")), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn our_own_over_both() {
    let folder = Folder::new("mcp-own");
    let store = |name: &str| folder.file(name);
    let named = |path: &Path| path.to_str().expect("it is text").to_owned();
    own(McpServer::program(TOOLBOX).argument("mcp").argument("--store").argument(named(&store("a.db"))))
        .await;
    let token = folder.file("token");
    // It is the only variable that every process has.
    let secret = std::env::var("PATH").expect("there is a path").replace(char::is_whitespace, "-");
    std::fs::write(&token, &secret).expect("it can be written");
    let words = ["mcp", "--listen", "127.0.0.1:0", "--token-file", &named(&token)];
    let serving = Program::start(TOOLBOX, &words, &store("b.db"));
    let url = format!("http://{}/mcp", serving.address());
    own(McpServer::http(&url).secret_header("authorization", "Bearer ${PATH}")).await;
    let servers = McpServers::new().server("own", McpServer::http(&url));
    let setting = Setting::with(everything(), servers).await;
    let told = setting.run(with(Mcp::new("own", "greet"), "input", "ann")).await.expect_err("it is refused");
    assert!(told.contains("the server is not there"), "{told}");
}
