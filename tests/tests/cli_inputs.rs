//! Inputs as nobody should give them on a command line: what is wrong is said at its place, and what nobody takes is warned of.

use std::time::Duration;

use serde_json::json;
use workflow_runtime::prelude::*;
use workflow_tests::folder::Folder;
use workflow_tests::said::{HOSTILE, say, say_beside, with};

/// Somebody's address.
#[data]
#[serde(deny_unknown_fields)]
struct Address {
    street: String,
    #[serde(default)]
    number: u32,
}

/// Gives the street back.
#[task_agent]
async fn street(to: Address) -> String {
    to.street
}

/// What is sent.
#[data]
pub struct Parcel {
    to: String,
    #[serde(default)]
    weight: u32,
}

/// Weighs a parcel.
#[task_agent]
async fn weigh(parcel: Parcel) -> u32 {
    parcel.weight
}

/// Takes no parcels.
#[task_agent]
async fn refuse(parcel: Parcel) -> Result<u32, AgentError> {
    Err(AgentError::permanent(format!("nothing goes to {}", parcel.to)))
}

workflow! {
    /// Sends what comes.
    pub workflow Sends() -> u32 {
        phase wait { parcel = signal::<Parcel>("parcel"); }
        phase send { weight = weigh(parcel); }
        *weight
    }
}

workflow! {
    /// Sends nothing.
    pub workflow Fails(parcel: Parcel) -> u32 {
        phase send { refused = refuse(parcel); }
        *refused
    }
}

/// Gives so many letters.
#[task_agent]
async fn letters(count: usize) -> String {
    "x".repeat(count)
}

workflow! {
    /// Waits for a word.
    pub workflow Waits() -> String {
        phase ask { word = signal::<String>("word"); }
        word.clone()
    }
}

#[test]
fn what_is_wrong_in_an_input_is_said_at_its_field() {
    let folder = Folder::new("hostile-input");
    let path = folder.file("jobs.db").display().to_string();
    let deep = "[".repeat(100_000);
    for (input, place) in [
        ("", "--input is no JSON"),
        ("{", "--input is no JSON"),
        (r#"{"street": "a"} x"#, "--input is no JSON"),
        (r#"{"street": "\ud800"}"#, "--input is no JSON"),
        (&deep, "--input is no JSON"),
        ("null", "object"),
        ("[]", "object"),
        (r#"{"street": 7}"#, "/street"),
        (r#"{"street": "a", "number": -1}"#, "/number"),
        (r#"{"street": "a", "number": 1e99}"#, "/number"),
        (r#"{"number": 1}"#, "street"),
        (r#"{"street": "a", "nmber": 1}"#, "nmber"),
    ] {
        for word in ["run", "submit"] {
            let said = say(&with(&[word, "street", "--input", input], &path));
            assert_eq!(said.exit, 4, "{word} {}: {}", &input[..input.len().min(40)], said.err);
            assert!(said.err.contains(place), "{}: {}", &input[..input.len().min(40)], said.err);
            assert!(said.err.len() < 2000, "{}", said.err.len());
            said.is_harmless();
        }
    }
    let hostile = json!({ "street": "a", HOSTILE: 1 }).to_string();
    let said = say(&with(&["run", "street", "--input", &hostile], &path));
    assert_eq!(said.exit, 4);
    said.is_harmless();
    std::fs::write(folder.file("bad.json"), [0xff, 0xfe]).unwrap();
    let file = folder.file("bad.json").display().to_string();
    assert_eq!(say(&with(&["run", "street", "--input-file", &file], &path)).exit, 4);
    assert_eq!(
        say(&with(&["run", "street", "--input-file", &folder.file("").display().to_string()], &path)).exit,
        4
    );
    let id = say(&with(&["submit", "Waits"], &path)).id();
    for value in ["{", "7", "", "null"] {
        let said = say(&with(&["signal", &id, "word", value], &path));
        assert_eq!(said.exit, 4, "{value}: {}", said.err);
    }
}

/// What a type leaves aside may be a name that was mistyped: it is warned of, and taken.
#[test]
fn what_nobody_takes_is_warned_of() {
    let folder = Folder::new("hostile-strays");
    let path = folder.file("jobs.db").display().to_string();
    let said = |words: &[&str], warnings: &[&str]| {
        let said = say(&with(words, &path));
        let told: Vec<&str> = said.err.lines().filter_map(|line| line.strip_prefix("warning: ")).collect();
        assert_eq!(told, warnings, "{words:?}: {}", said.err);
        said.is_harmless();
        said
    };
    let mistyped = r#"{"to": "a", "wieght": 2}"#;
    let warning = "`wieght` is no field of the input of `weigh`; did you mean `weight`?";
    assert_eq!(said(&["run", "weigh", "--input", mistyped], &[warning]).out, "0\n");
    said(&["run", "weigh", "--input", r#"{"to": "a", "weight": 2}"#], &[]);
    let wrong = said(&["submit", "weigh", "--input", r#"{"wieght": 2}"#], &[warning]);
    assert_eq!(wrong.exit, 4, "what is missing is an error still: {}", wrong.err);
    let hostile = json!({ "to": "a", HOSTILE: 1 }).to_string();
    let loud = say(&with(&["submit", "weigh", "--input", &hostile], &path));
    assert!(loud.exit == 0 && loud.err.starts_with("warning: "), "{}", loud.err);
    loud.is_harmless();
    let id = said(&["submit", "Sends", "--input", "{}"], &[]).id();
    let of_event = "`wieght` is no field of the value of `parcel`; did you mean `weight`?";
    said(&["signal", &id, "parcel", mistyped], &[of_event]);
    let over = say(&with(&["run", "Fails", "--input", r#"{"parcel": {"to": "a"}}"#], &path));
    let id = over.err.lines().next().unwrap().strip_prefix("job ").unwrap().to_owned();
    let again = ["rerun", &id, "--from", "refused", "--input", mistyped];
    said(&again, &["`wieght` is no field of the input of `refuse`; did you mean `weight`?"]);
    let anew = r#"{"parcel": {"to": "a", "wieght": 2}}"#;
    let of_job = "`parcel.wieght` is no field of the input of `Fails`; did you mean `weight`?";
    said(&["rerun", &id, "--input", anew], &[of_job]);
    said(
        &["retry", &id, "--input", mistyped],
        &["`wieght` is no field of the input of `refuse`; did you mean `weight`?"],
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn ten_megabytes_go_in_and_out() {
    let folder = Folder::new("hostile-big");
    let path = folder.file("jobs.db").display().to_string();
    let input = folder.file("input.json").display().to_string();
    let big = json!({ "street": "x".repeat(10 << 20) }).to_string();
    std::fs::write(&input, &big).unwrap();
    let said = say_beside(&with(&["run", "street", "--input-file", &input], &path)).await;
    assert_eq!((said.exit, said.out.len()), (0, (10 << 20) + 3), "{}", said.err);
    // By the process that has the file open, too; and people are shown the beginning.
    let runtime = Runtime::open(&path).await.unwrap();
    let id = say_beside(&with(&["submit", "street", "--input-file", &input], &path)).await.id();
    let job = runtime.fetch(id.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!(job.await.unwrap().as_str().unwrap().len(), 10 << 20);
    for words in [&["job", &id][..], &["jobs"], &["watch", &id]] {
        let said = say_beside(&with(words, &path)).await;
        assert!(said.exit == 0 && said.out.len() < 10_000, "{words:?}: {} bytes", said.out.len());
    }
    let view = say_beside(&with(&["job", &id, "--json"], &path)).await;
    assert_eq!(view.json()["output"].as_str().unwrap().len(), 10 << 20);
    let said = say_beside(&with(&["run", "letters", "--input", "10485760"], &path)).await;
    assert_eq!((said.exit, said.out.len()), (0, (10 << 20) + 3), "{}", said.err);
    // More than a process takes by its door is refused, and it is known that nothing was done.
    std::fs::write(&input, json!({ "street": "x".repeat(64 << 20) }).to_string()).unwrap();
    let said = say_beside(&with(&["submit", "street", "--input-file", &input], &path)).await;
    assert!(said.exit != 0 && said.err.contains("MB"), "{} {}", said.exit, said.err);
    assert_eq!(say_beside(&with(&["jobs", "--json"], &path)).await.json().as_array().unwrap().len(), 3);
    runtime.shutdown(Duration::from_secs(1)).await;
}
