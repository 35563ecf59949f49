//! The command line, as people and programs use it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use workflow_runtime::JobState;
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::said::{Said, say, say_beside};

/// Doubles a number.
#[task_agent]
async fn double(n: i64) -> i64 {
    n * 2
}

/// Refuses what is too large.
#[task_agent(retry(max = 1, first = "1ms"))]
async fn refuse_large(n: i64) -> Result<i64, AgentError> {
    if n > 10 { Err(format!("{n} is too large").into()) } else { Ok(n) }
}

workflow! {
    /// Doubles a number that is not too large.
    ///
    /// It says so.
    pub workflow Doubled(n: i64) -> i64 {
        phase check { checked = refuse_large(*n); }
        phase work { twice = double(*checked); }
        *twice
    }
}

workflow! {
    /// Waits for a number, and doubles it.
    pub workflow Patient() -> i64 {
        phase ask { n = signal::<i64>("number"); }
        phase work { twice = double(*n); }
        *twice
    }
}

/// Runs a job in a file; gives the file, and the job's id.
fn done(folder: &Folder, n: i64) -> (String, String) {
    let file = folder.file("jobs.db").display().to_string();
    let said = say(&["run", "Doubled", "--input", &json!({ "n": n }).to_string(), "--store", &file]);
    let first = said.err.lines().next().expect("it says which job it is");
    let id = first.strip_prefix("job ").expect("it says which job it is").to_owned();
    (file, id)
}

#[test]
fn what_is_in_the_program_is_listed_shown_and_drawn() {
    let said = say(&["agents"]);
    assert_eq!(said.exit, 0);
    let row = |name: &str| {
        let row = said.out.lines().find(|line| line.starts_with(name));
        row.map(|row| row.split_whitespace().collect::<Vec<_>>().join(" "))
    };
    assert_eq!(row("double").as_deref(), Some("double integer Doubles a number."));
    let said = say(&["workflows"]);
    let row = said.out.lines().find(|line| line.starts_with("Doubled ")).unwrap();
    assert!(row.contains(" n ") && row.ends_with(" Doubles a number that is not too large."), "{}", said.out);
    let said = say(&["show", "Doubled"]);
    assert!(said.out.contains("It says so.") && said.out.contains("refuse_large"), "{}", said.out);
    let said = say(&["show", "refuse_large", "--json"]);
    assert_eq!(said.json()["name"], "refuse_large");
    assert!(say(&["graph", "Doubled"]).out.starts_with("<svg"));
    assert!(say(&["graph", "Doubled", "--mermaid"]).out.contains("flowchart"));
    assert!(say(&["graph", "Doubled", "--dot"]).out.starts_with("digraph"));
    let catalogue = say(&["catalogue"]).json();
    let workflows = catalogue["workflows"].as_array().unwrap();
    assert!(workflows.iter().any(|workflow| workflow["definition"]["name"] == "Doubled"));
}

#[test]
fn what_is_not_there_is_said_with_what_is_like_it() {
    let said = say(&["show", "doubel"]);
    assert_eq!((said.exit, said.out.as_str()), (3, ""));
    assert_eq!(said.err, "error: there is no `doubel` in this program; did you mean `double`?\n");
    let said = say(&["graph", "double"]);
    assert_eq!(said.exit, 3);
    let said = say(&["run", "Dubbled", "--store", "memory"]);
    assert_eq!(said.exit, 3);
    assert!(said.err.contains("did you mean `Doubled`?"), "{}", said.err);
}

#[test]
fn what_is_run_gives_its_result_and_can_be_looked_at() {
    let folder = Folder::new("cli-run");
    let (file, id) = done(&folder, 4);
    let said = say(&["job", &id, "--store", &file]);
    assert_eq!(said.exit, 0, "{}", said.err);
    assert!(said.out.starts_with(&format!("Doubled {id}: succeeded\n")), "{}", said.out);
    let view = say(&["job", &id, "--store", &file, "--json"]).json();
    assert_eq!((&view["input"], &view["output"]), (&json!({ "n": 4 }), &json!(8)));
    let second = &view["steps"][1];
    assert_eq!((&second["path"], &second["phase"]), (&json!("twice"), &json!("work")));
    assert_eq!((&second["input"], &second["output"]), (&json!(4), &json!(8)));
    let jobs = say(&["jobs", "--store", &file, "--json", "--state", "succeeded"]).json();
    assert_eq!(jobs[0]["id"], Json::from(id));
    assert!(say(&["jobs", "--store", &file, "--state", "running"]).out.contains("there are no such jobs"));
}

#[test]
fn what_fails_says_so_and_is_a_dead_letter() {
    let folder = Folder::new("cli-fail");
    let file = folder.file("jobs.db").display().to_string();
    let said = say(&["run", "Doubled", "--input", r#"{"n": 11}"#, "--store", &file]);
    assert_eq!((said.exit, said.out.as_str()), (1, ""));
    assert!(said.err.contains("checked: 11 is too large; again at "), "{}", said.err);
    assert!(said.err.contains("step `checked`, attempt 2: 11 is too large"), "{}", said.err);
    let said = say(&["dead", "--store", &file]);
    assert!(said.out.contains("11 is too large"), "{}", said.out);
    let id = said.out.lines().nth(1).unwrap().split(' ').next().unwrap();
    let said = say(&["job", id, "--store", &file]);
    assert!(said.out.contains("  attempt 2  failed"), "{}", said.out);
}

#[test]
fn what_is_wrong_with_an_input_is_said_where_it_is() {
    let said = say(&["run", "Doubled", "--input", r#"{"n": "four"}"#, "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("/n") && said.err.contains("integer"), "{}", said.err);
    let said = say(&["run", "Doubled", "--input", "{", "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("--input is no JSON") && said.err.contains("line 1"), "{}", said.err);
    let said = say(&["run", "Doubled", "--input-file", "/nowhere/at/all", "--store", "memory"]);
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("/nowhere/at/all"), "{}", said.err);
}

#[test]
fn a_store_that_cannot_be_looked_at_says_why() {
    let folder = Folder::new("cli-none");
    let none = folder.file("none.db").display().to_string();
    let said = say(&["jobs", "--store", &none]);
    assert_eq!(said.exit, 5);
    assert!(said.err.contains("none.db: there is no such file"), "{}", said.err);
    assert!(!folder.file("none.db").exists());
    let other = folder.file("other.txt");
    std::fs::write(&other, "I am no database, and was never meant to be one.").unwrap();
    let said = say(&["jobs", "--store", &other.display().to_string()]);
    assert_eq!(said.exit, 5);
    assert!(said.err.contains("it is no database"), "{}", said.err);
    assert_eq!(say(&["jobs", "--store", "memory"]).exit, 5);
    let (file, _) = done(&folder, 1);
    let said = say(&["job", "0190a5d7-0000-7000-8000-000000000000", "--store", &file]);
    assert_eq!(said.exit, 3);
}

#[test]
fn misuse_says_how_it_is_used() {
    let said = say(&[]);
    assert_eq!(said.exit, 2);
    assert!(said.err.contains("Usage: program"), "{}", said.err);
    assert_eq!(say(&["jobs", "--state", "asleep"]).exit, 2);
    assert_eq!(say(&["job", "17"]).exit, 2);
    assert_eq!(say(&["graph", "Doubled", "--svg", "--dot"]).exit, 2);
    let said = say(&["--version"]);
    assert_eq!((said.exit, said.out.as_str()), (0, "program 1.2.3\n"));
    assert!(say(&["completions", "bash"]).out.contains("program"));
}

fn id_of(said: &Said) -> String {
    assert_eq!(said.exit, 0, "{}", said.err);
    said.out.trim().to_owned()
}

/// What acts on a file that a process has open is done by that process, at once.
#[tokio::test(flavor = "multi_thread")]
async fn who_has_the_file_open_does_what_is_asked() {
    let folder = Folder::new("cli-door");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.unwrap();
    let path = file.display().to_string();
    let store = ["--store", &path];
    let with = |words: &[&'static str]| [words, &["--tag", "by-hand"]].concat();

    let submitted = say_beside(&[&with(&["submit", "Patient"])[..], &store].concat()).await;
    let id = id_of(&submitted);
    let job = runtime.job(id.parse().unwrap()).unwrap();
    assert_eq!(&*job.status().tags[0], "by-hand");
    assert_eq!(say_beside(&[&["pause", &id][..], &store].concat()).await.out, "done\n");
    assert_eq!(job.state(), JobState::Paused);
    assert_eq!(say_beside(&[&["resume", &id][..], &store].concat()).await.exit, 0);
    let said = say_beside(&[&["signal", &id, "nmber", "4"][..], &store].concat()).await;
    assert_eq!(said.exit, 4);
    assert!(said.err.contains("did you mean `number`?"), "{}", said.err);
    assert_eq!(say_beside(&[&["signal", &id, "number", "\"four\""][..], &store].concat()).await.exit, 4);
    assert_eq!(say_beside(&[&["signal", &id, "number", "4"][..], &store].concat()).await.exit, 0);
    assert_eq!(job.clone().await.unwrap(), json!(8));
    assert_eq!(say_beside(&[&["pause", &id][..], &store].concat()).await.exit, 7);
    let said = say_beside(&[&["cancel", &id][..], &store].concat()).await;
    assert_eq!((said.exit, said.out.as_str()), (7, ""));
    assert!(said.err.contains(&format!("job {id} is over: it is succeeded")), "{}", said.err);

    let failed = runtime.submit(Doubled { n: 11 }).await.unwrap();
    let letter = failed.id().to_string();
    failed.await.unwrap_err();
    let again = id_of(&say_beside(&[&["retry", &letter, "--input", "5"][..], &store].concat()).await);
    assert_eq!(runtime.job(again.parse().unwrap()).unwrap().await.unwrap(), json!(10));
    assert_eq!(say_beside(&[&["discard", &letter][..], &store].concat()).await.exit, 7);
    let words = ["rerun", &again, "--from", "twice", "--input", "7"];
    let again = id_of(&say_beside(&[&words[..], &store].concat()).await);
    assert_eq!(runtime.job(again.parse().unwrap()).unwrap().await.unwrap(), json!(14));

    // What is run is run there, too, and looked at to its end.
    let said = say_beside(&[&["run", "Doubled", "--input", r#"{"n": 6}"#][..], &store].concat()).await;
    assert_eq!((said.exit, said.out.as_str()), (0, "12\n"), "{}", said.err);
    assert!(
        said.err.contains("run by the process that has") && said.err.contains("twice: done"),
        "{}",
        said.err
    );
    let said = say_beside(&[&["run", "Doubled", "--input", r#"{"n": 16}"#][..], &store].concat()).await;
    assert_eq!((said.exit, said.out.as_str()), (1, ""));
    assert!(said.err.contains("step `checked`, attempt 2: 16 is too large"), "{}", said.err);

    let queue = ["--queue", "default"];
    assert_eq!(say_beside(&[&["pause"][..], &queue, &store].concat()).await.exit, 0);
    assert!(runtime.queues()[0].paused);
    assert_eq!(say_beside(&[&["resume"][..], &queue, &store].concat()).await.exit, 0);
    assert!(!runtime.queues()[0].paused);
    assert_eq!(say_beside(&[&["trigger", "nightly"][..], &store].concat()).await.exit, 3);
    let said = say_beside(&[&["submit", "Patient", "--delay", "soon"][..], &store].concat()).await;
    assert_eq!(said.exit, 4, "{}", said.err);
    runtime.shutdown(Duration::from_secs(1)).await;
    assert!(!folder.file("jobs.db.door").exists());
}

/// Where no process has the file open, what acts opens it itself, and starts nothing.
#[test]
fn who_acts_on_a_file_that_nobody_has_open_starts_nothing() {
    let folder = Folder::new("cli-hands-off");
    let path = folder.file("jobs.db").display().to_string();
    let store = ["--store", &path];
    let id = id_of(&say(&[&["submit", "Doubled", "--input", r#"{"n": 3}"#][..], &store].concat()));
    let other = id_of(&say(&[&["submit", "Patient"][..], &store].concat()));
    assert_eq!(say(&[&["cancel", &other, "--why", "not wanted"][..], &store].concat()).exit, 0);
    let state = |id: &str| say(&[&["job", id, "--json"][..], &store].concat()).json()["state"].clone();
    assert_eq!((state(&id), state(&other)), (json!("pending"), json!("cancelled")));
    assert_eq!(
        say(&[&["check"][..], &store].concat()).out,
        "none of 1 jobs that are not over would be parked\n"
    );
    // A process that works there runs it.
    let works = async {
        let runtime = Runtime::open(&path).await.unwrap();
        let job = runtime.fetch(id.parse().unwrap()).await.unwrap().unwrap();
        assert_eq!(job.await.unwrap(), json!(6));
        runtime.shutdown(Duration::from_secs(1)).await;
    };
    tokio::runtime::Runtime::new().unwrap().block_on(works);
    assert_eq!(state(&id), "succeeded");
    let none = folder.file("none.db").display().to_string();
    assert_eq!(say(&["cancel", &id, "--store", &none]).exit, 5);
    assert!(!folder.file("none.db").exists());
    assert_eq!(say(&["submit", "Patient", "--store", "memory"]).exit, 5);
}

/// On a database, what acts is one node more for a moment, which runs nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_database_is_acted_on_from_anywhere() {
    let server = private_postgres::Server::start(&["fsync=off"]).unwrap_or_else(|why| panic!("{why}"));
    let address = server.address();
    let store = ["--store", &address];
    // Nobody works there yet.
    let id = id_of(&say_beside(&[&["submit", "Patient"][..], &store].concat()).await);
    let state = async |id: &str| {
        let said = say_beside(&[&["job", id, "--json"][..], &store].concat()).await;
        said.json()["state"].clone()
    };
    assert_eq!(state(&id).await, "pending");
    let runtime = Runtime::connect(&address).await.unwrap();
    let job = runtime.fetch(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(say_beside(&[&["signal", &id, "number", "21"][..], &store].concat()).await.exit, 0);
    assert_eq!(job.await.unwrap(), json!(42));
    assert_eq!(state(&id).await, "succeeded");
    let other = runtime.submit(Patient {}).await.unwrap();
    let id = other.id().to_string();
    assert_eq!(say_beside(&[&["pause", &id][..], &store].concat()).await.exit, 0);
    assert_eq!(other.state(), JobState::Paused);
    assert_eq!(say_beside(&[&["cancel", &id][..], &store].concat()).await.exit, 0);
    assert!(other.await.unwrap_err().is_cancelled());
    assert_eq!(say_beside(&[&["cancel", &id][..], &store].concat()).await.out, "it was so already\n");
    assert_eq!(say_beside(&["jobs", "--store", "postgres://nobody@127.0.0.1:1/none"]).await.exit, 5);
    runtime.shutdown(Duration::from_secs(1)).await;
}

/// Whoever does not know the secret is turned away, and whatever is said at the door, it stays open.
#[tokio::test(flavor = "multi_thread")]
async fn the_door_opens_for_who_knows_the_secret() {
    use std::io::{Read, Write};

    let folder = Folder::new("cli-secret");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.unwrap();
    let sign = folder.file("jobs.db.door");
    let kept = std::fs::read_to_string(&sign).unwrap();
    let told: Json = serde_json::from_str(&kept).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&sign).unwrap().permissions().mode() & 0o777, 0o600);
    }
    let port = u16::try_from(told["port"].as_u64().unwrap()).unwrap();
    let knock = move |text: Vec<u8>| {
        tokio::task::spawn_blocking(move || {
            let mut stream = std::net::TcpStream::connect(("127.0.0.1", port)).unwrap();
            let _ = stream.write_all(&text);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = String::new();
            let _ = stream.read_to_string(&mut answer);
            answer
        })
    };
    let secret = told["secret"].as_str().unwrap();
    let submit = json!({ "act": "submit", "name": "Patient", "input": {} });
    let half = &secret[..secret.len() - 1];
    for said in [
        String::new(),
        "\n".to_owned(),
        "GET / HTTP/1.1\r\n\r\n".to_owned(),
        format!("0\n{submit}\n"),
        format!("{half}\n{submit}\n"),
        format!("\n{secret}\n{submit}\n"),
        format!("{secret}\n"),
        format!("{secret}\n{{\"act\": \"explode\"}}\n"),
        format!("{}{secret}\n{submit}\n", " ".repeat(100_000)),
    ] {
        let answer = knock(said.clone().into_bytes()).await.unwrap();
        // Who talks on without being known may not be heard to his end.
        assert!(
            answer.contains("misunderstood") || (answer.is_empty() && said.len() > 256),
            "{said}: {answer}"
        );
    }
    knock(vec![0xff; 100_000]).await.unwrap();
    assert_eq!(runtime.jobs(&workflow_runtime::JobFilter::new()).len(), 0);
    let path = file.display().to_string();
    id_of(&say_beside(&["submit", "Patient", "--store", &path]).await);
    runtime.shutdown(Duration::ZERO).await;
    // A process that was killed leaves its sign: nobody is behind it.
    std::fs::write(&sign, kept).unwrap();
    id_of(&say_beside(&["submit", "Patient", "--store", &path]).await);
}

/// Agents may print while the command line does: nobody waits for the other.
#[test]
fn agents_print_while_they_are_run() {
    let folder = Folder::new("cli-speaker");
    let mut program = std::process::Command::new(env!("CARGO_BIN_EXE_speaker"));
    let words = ["run", "speak", "--input", "\"hello\"", "--store", "memory"];
    let said = program.args(words).current_dir(folder.file("")).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert_eq!(text(&said.stdout), "an agent says hello\n\"hello\"\n");
    assert!(text(&said.stderr).contains("an agent mutters hello\n"), "{}", text(&said.stderr));
    assert!(said.status.success());
}

/// Schedules are told in plain words, whether somebody works on the file or not, and are paused from outside.
#[tokio::test(flavor = "multi_thread")]
async fn schedules_are_listed_paused_and_run() {
    let folder = Folder::new("cli-schedules");
    let file = folder.file("jobs.db");
    let path = file.display().to_string();
    let store = ["--store", &path];
    let runtime = Runtime::open(&file).await.unwrap();
    assert_eq!(say_beside(&[&["schedules"][..], &store].concat()).await.out, "there are no schedules\n");
    let nightly = workflow_runtime::schedule::Cron::parse("0 3 * * *").unwrap();
    runtime.schedules().set("nightly", nightly, Doubled { n: 1 }).await.unwrap();
    let said = say_beside(&[&["schedules"][..], &store].concat()).await;
    let row: Vec<&str> =
        said.out.lines().nth(1).unwrap().split("  ").map(str::trim).filter(|cell| !cell.is_empty()).collect();
    assert_eq!(row[..3], ["nightly", "at 03:00 every day, UTC", "Doubled"], "{}", said.out);
    let job = id_of(&say_beside(&[&["trigger", "nightly"][..], &store].concat()).await);
    let watched = say_beside(&[&["watch", &job][..], &store].concat()).await;
    assert_eq!(watched.exit, 0);
    assert!(watched.out.ends_with("  twice: done\nsucceeded\n"), "{}", watched.out);
    runtime.shutdown(Duration::from_secs(1)).await;

    let schedule = ["--schedule", "nightly"];
    assert_eq!(say_beside(&[&["pause"][..], &schedule, &store].concat()).await.out, "done\n");
    assert_eq!(say_beside(&[&["pause"][..], &schedule, &store].concat()).await.out, "it was so already\n");
    let said = say_beside(&[&["schedules", "--json"][..], &store].concat()).await.json();
    assert_eq!((&said[0]["schedule"]["paused"], &said[0]["next"]), (&json!(true), &json!([])));
    assert_eq!(say_beside(&[&["pause", "--schedule", "nihgtly"][..], &store].concat()).await.exit, 3);
}

/// A job is told as it goes, though another process runs it.
#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_watched_to_its_end() {
    let folder = Folder::new("cli-watch");
    let file = folder.file("jobs.db");
    let path = file.display().to_string();
    let runtime = Runtime::open(&file).await.unwrap();
    let job = runtime.submit(Patient {}).await.unwrap();
    let (id, told) = (job.id().to_string(), path.clone());
    let watched = tokio::task::spawn_blocking(move || say(&["watch", &id, "--store", &told]));
    job.signal("number", 4).await.unwrap();
    assert_eq!(job.await.unwrap(), 8);
    let said = watched.await.unwrap();
    assert_eq!(said.exit, 0);
    assert!(
        said.out.contains("  Patient: hears of `number`\n") && said.out.ends_with("succeeded\n"),
        "{}",
        said.out
    );
    let failed = runtime.submit(Doubled { n: 11 }).await.unwrap();
    let id = failed.id().to_string();
    failed.await.unwrap_err();
    let said = say_beside(&["watch", &id, "--store", &path]).await;
    assert_eq!(said.exit, 1);
    assert!(said.out.contains("failed: ") && said.out.contains("11 is too large"), "{}", said.out);
    let said = say_beside(&["watch", &id, "--store", &path, "--json"]).await;
    let lines: Vec<Json> = said.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["fact"], "submitted");
    runtime.shutdown(Duration::from_secs(1)).await;
}

/// Who looks at a file does not disturb the one who has it open, and sees what was written last.
#[tokio::test(flavor = "multi_thread")]
async fn a_file_is_looked_at_while_another_works_on_it() {
    let folder = Folder::new("cli-beside");
    let file = folder.file("jobs.db");
    let runtime = Runtime::open(&file).await.unwrap();
    let path = file.display().to_string();
    for n in 0..20 {
        let job = runtime.submit(Doubled { n: n % 5 }).await.unwrap();
        let id = job.id().to_string();
        job.await.unwrap();
        let path = path.clone();
        let said = tokio::task::spawn_blocking(move || say(&["job", &id, "--store", &path, "--json"]));
        assert_eq!(said.await.unwrap().json()["output"], 2 * (n % 5));
    }
    let states =
        runtime.history(workflow_runtime::JobFilter::new().state(JobState::Succeeded)).await.unwrap();
    assert_eq!(states.len(), 20);
    runtime.shutdown(Duration::from_secs(1)).await;
}
