//! What agents write to the log of a job: kept in its journal, and told by the command line.

use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_runtime::{Fact, Record};
use workflow_tests::folder::Folder;
use workflow_tests::said::{say, say_beside};

/// Somebody to write to.
#[data]
pub struct Reader {
    name: String,
    #[schemars(extend("writeOnly" = true))]
    key: String,
}

/// Writes to somebody, the second time with success, and says too much.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn write_to(ctx: &TaskContext, reader: Reader) -> Result<String, AgentError> {
    ctx.log(format!("to {} by {}", reader.name, reader.key));
    if ctx.attempt() == 1 { Err("nobody is at home".into()) } else { Ok(reader.name) }
}

/// Says something that looks like what others said.
#[task_agent]
async fn forge(ctx: &TaskContext, name: String) -> String {
    ctx.log(format!("{name}\n2025-01-01T00:00:00Z  write: all is well\u{1b}[2J"));
    name
}

/// Writes so many lines, each as long as that.
#[task_agent]
async fn chatter(ctx: &TaskContext, lines: u32, length: usize) -> u32 {
    for line in 0..lines {
        ctx.log(format!("{line} {}", "ä".repeat(length)));
    }
    lines
}

/// Says that it waits, and waits until it is told to stop.
#[task_agent]
async fn linger(ctx: &TaskContext) -> u32 {
    ctx.log("at the door");
    ctx.cancelled().await;
    ctx.log("away");
    7
}

workflow! {
    /// Writes to somebody.
    pub workflow Letter(reader: Reader) -> String {
        phase write { written = write_to(reader.clone()); }
        written.clone()
    }
}

workflow! {
    /// Writes to somebody, and forges a line.
    pub workflow Post(reader: Reader) -> String {
        phase send { sent = Letter(reader.clone()); }
        phase lie { lied = forge(sent.clone()); }
        lied.clone()
    }
}

workflow! {
    /// Waits at the door.
    pub workflow Lingers() -> u32 {
        phase wait { waited = linger(); }
        *waited
    }
}

fn logged(journal: &[Record]) -> Vec<&str> {
    let message = |record| match record {
        &Record { fact: Fact::Logged { ref message, .. }, .. } => Some(&**message),
        _ => None,
    };
    journal.iter().filter_map(message).collect()
}

#[tokio::test]
async fn of_an_attempt_so_many_lines_are_kept_and_so_much_of_each() {
    let runtime = Runtime::in_memory().await.unwrap();
    let job = runtime.submit(chatter::with(1_500, 3)).await.unwrap();
    job.outcome().await.unwrap();
    let journal = job.journal();
    let lines = logged(&journal);
    assert_eq!((lines.len(), lines[0], lines[999]), (1_001, "0 äää", "999 äää"));
    assert_eq!(lines[1_000], "1000 lines of an attempt are kept, and no more");
    let job = runtime.submit(chatter::with(1, 4_000)).await.unwrap();
    job.outcome().await.unwrap();
    let journal = job.journal();
    let line = logged(&journal)[0];
    assert!(line.ends_with("ä…") && (4_090..=4_100).contains(&line.len()), "{}", line.len());
}

#[test]
fn the_command_line_tells_them_with_those_of_the_jobs_inside() {
    let folder = Folder::new("logs");
    let file = folder.file("jobs.db").display().to_string();
    let with = |words: &[&str]| say(&[words, &["--store", &file]].concat());
    let input = json!({ "reader": { "name": "ann", "key": "hunter22" } }).to_string();
    let ran = with(&["run", "Post", "--input", &input, "--tag", "post"]);
    assert_eq!((ran.exit, ran.out.as_str()), (0, "\"ann\"\n"), "{}", ran.err);
    assert!(ran.err.contains("lied: ann\n"), "{}", ran.err);
    let jobs = with(&["jobs", "--tag", "post", "--json"]).json();
    let id = jobs[0]["id"].as_str().unwrap();
    let said = with(&["logs", id]);
    assert_eq!(said.exit, 0, "{}", said.err);
    let lines: Vec<&str> = said.out.lines().map(|line| line.split_once("  ").unwrap().1).collect();
    assert_eq!(
        lines,
        [
            "sent/written: to ann by •••",
            "sent/written (attempt 2): to ann by •••",
            "lied: ann",
            "  2025-01-01T00:00:00Z  write: all is well\\u{1b}[2J",
        ]
    );
    let told = with(&["logs", id, "--step", "sent", "--json", "--follow"]).out;
    let told: Vec<serde_json::Value> = told.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(told.len(), 2);
    assert_eq!(told[1]["message"], "to ann by •••");
    assert_eq!((&told[1]["step"], &told[1]["attempt"]), (&json!("sent/written"), &json!(2)));
    assert_ne!(told[1]["job"], json!(id));
    assert_eq!(with(&["logs", id, "--step", "sen"]).out, "nothing was written to its log\n");
    // A job that is run again from a step keeps what was said before.
    let again = with(&["rerun", id, "--from", "lied"]).id();
    with(&["run", "forge", "--input", "\"x\""]);
    let kept = with(&["logs", &again, "--step", "sent"]);
    assert_eq!(kept.out.lines().count(), 2, "{}", kept.out);
    let nobody = with(&["logs", "0190a5d7-0000-7000-8000-000000000000"]);
    assert_eq!((nobody.exit, nobody.out.as_str()), (3, ""), "{}", nobody.err);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_can_be_read_while_its_attempt_runs() {
    let folder = Folder::new("logs-live");
    let file = folder.file("jobs.db").display().to_string();
    let runtime = Runtime::open(&file).await.unwrap();
    let job = runtime.submit(Lingers {}).await.unwrap();
    let id = job.id().to_string();
    let mut events = job.events();
    loop {
        let event = events.next().await.unwrap();
        if let workflow_runtime::What::Fact(Fact::Logged { message, attempt, .. }) = event.what {
            assert_eq!((&*message, attempt, event.step.as_deref()), ("at the door", 1, Some("waited")));
            break;
        }
    }
    let words = ["logs", &id, "--store", &file];
    let said = say_beside(&words).await;
    assert!(said.out.ends_with("waited: at the door\n"), "{said:?}");
    let following = {
        let words: Vec<String> = words.iter().chain(&["--follow"]).map(|word| (*word).to_owned()).collect();
        tokio::spawn(async move { say_beside(&words.iter().map(String::as_str).collect::<Vec<_>>()).await })
    };
    job.cancel("it is late").await;
    let said = following.await.unwrap();
    assert_eq!((said.exit, said.out.lines().count()), (0, 2), "{said:?}");
    assert!(said.out.ends_with("waited: away\n"), "{said:?}");
    runtime.shutdown(Duration::from_secs(1)).await;
}
