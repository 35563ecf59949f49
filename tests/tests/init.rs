//! A project that `init` begins: it is built, run and tested as its own page says, and nothing is overwritten by it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::json;
use workflow_tests::folder::Folder;
use workflow_tests::said::say;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Runs a line of a shell where a project is, without the network, with what the workspace has built already.
fn shell(project: &Path, line: &str) -> Output {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), Into::into);
    let mut shell = Command::new("sh");
    shell.current_dir(project).args(["-c", line]);
    shell.env_remove("WORKFLOW_STORE").env("CARGO_TARGET_DIR", target).env("CARGO_NET_OFFLINE", "true");
    shell.output().expect("there is a shell")
}

/// The text of what was printed, if all went well.
fn printed(line: &str, output: &Output) -> String {
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && !err.contains("warning"), "{line}:\n{out}{err}");
    out.into_owned()
}

#[cfg(unix)]
#[test]
fn what_is_begun_does_what_its_page_says() {
    // Always the same, so that it is built anew only where something has changed.
    let project = Path::new(env!("CARGO_TARGET_TMPDIR")).join("init/my-service");
    let _ = fs::remove_dir_all(&project);
    let made = say(&["init", &project.display().to_string()]);
    assert_eq!(made.exit, 0, "{}", made.err);
    assert!(made.out.contains("cargo run -- run Welcome"), "{}", made.out);
    fs::copy(root().join("Cargo.lock"), project.join("Cargo.lock")).unwrap();
    // As the workspace builds them, so that what is built there need not be built again.
    let own = ["workflow-runtime", "workflow-graph", "workflow-macros"];
    let own = own.map(|name| format!("[profile.dev.package.{name}]\ndebug = \"line-tables-only\"\n"));
    let others = "[profile.dev]\ndebug = \"line-tables-only\"\n[profile.dev.package.\"*\"]\ndebug = false\n";
    fs::create_dir_all(project.join(".cargo")).unwrap();
    fs::write(project.join(".cargo/config.toml"), own.concat() + others).unwrap();

    let page = fs::read_to_string(project.join("README.md")).unwrap();
    let commands = page.split("```").nth(1).expect("there are commands").lines().skip(1);
    let said: Vec<String> = commands.map(|line| printed(line, &shell(&project, line))).collect();
    assert_eq!(said.len(), 3, "{page}");
    assert_eq!(said[0], "\"Hello, Ada!\\nHello, Bob!\"\n");
    assert!(said[1].contains("Welcome") && said[1].contains("succeeded"), "{}", said[1]);
    assert!(said[2].contains("2 passed"), "{}", said[2]);

    // What its configuration shows in comments can be set.
    let file = project.join("workflow.toml");
    let all = fs::read_to_string(&file).unwrap();
    let is_set = |line: &str| line.starts_with("# [") || line.contains(" = ");
    let set: Vec<&str> = all.lines().filter(|line| is_set(line)).map(|line| &line[2..]).collect();
    assert!(set.len() > 5, "{all}");
    fs::write(&file, set.join("\n")).unwrap();
    let line = "cargo run -q -- doctor --json";
    let doctor = printed(line, &shell(&project, line));
    assert!(doctor.contains("agents.greet.timeout") && doctor.contains("workflow.toml"), "{doctor}");
}

#[test]
fn nothing_is_overwritten() {
    let folder = Folder::new("init-again");
    let project = folder.file("service");
    let path = project.display().to_string();
    let made = say(&["init", &path, "--json"]).json();
    let files = ["Cargo.toml", "src/main.rs", "workflow.toml", "README.md", ".gitignore"];
    assert_eq!(made, json!({ "name": "service", "folder": path, "files": files }));
    assert!(files.iter().all(|file| project.join(file).is_file()));

    fs::write(project.join("src/main.rs"), "mine").unwrap();
    let again = say(&["init", &path]);
    assert_eq!((again.exit, again.out.as_str()), (7, ""), "{}", again.err);
    assert!(again.err.contains("is not empty: name a folder that is not there yet"), "{}", again.err);
    assert_eq!(fs::read_to_string(project.join("src/main.rs")).unwrap(), "mine");

    let file = folder.file("file").display().to_string();
    fs::write(&file, "mine").unwrap();
    let said = say(&["init", &file]);
    assert!(said.exit == 7 && said.err.contains("is no folder"), "{} {}", said.exit, said.err);
    let said = say(&["init", &format!("{file}/below")]);
    assert!([1, 7].contains(&said.exit) && said.err.contains("below"), "{} {}", said.exit, said.err);
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");

    fs::create_dir(folder.file("empty")).unwrap();
    assert_eq!(say(&["init", &folder.file("empty").display().to_string()]).exit, 0);
}

#[test]
fn a_name_that_no_program_can_have_is_refused_with_one_that_it_can() {
    let folder = Folder::new("init-names");
    let path = folder.file("My Service!").display().to_string();
    let said = say(&["init", &path]);
    assert!(
        said.exit == 2 && said.err.contains("`--name my-service` would do"),
        "{} {}",
        said.exit,
        said.err
    );
    assert!(!Path::new(&path).exists());
    assert_eq!(say(&["init", &path, "--name", "my-service"]).exit, 0);
    let manifest = fs::read_to_string(Path::new(&path).join("Cargo.toml")).unwrap();
    assert!(manifest.contains("name = \"my-service\"") && manifest.contains("{ path = "), "{manifest}");
}
