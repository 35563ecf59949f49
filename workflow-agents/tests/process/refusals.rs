//! What a role may not do, however it is asked for.

use std::os::unix::fs::symlink;

use workflow_agents::Shell;
use workflow_agents::policy::{Command, Role};

use crate::setting::{AsNobody, Folder, Setting};

/// A role that may do a little, and tries to do more.
async fn little(folder: &Folder) -> Setting {
    let git = Command::new("git").first(["log", "status"]).options(["--oneline"]);
    Setting::with(Role::new().command("echo").command(git).write(&folder.0).environment("LANG")).await
}

async fn refused(setting: &Setting, command: Shell, rule: &str) {
    let shown = format!("{command:?}");
    let told = setting.run(command).await.expect_err(&shown);
    assert!(
        told.contains("refused: `coder` may not") && told.contains(&format!("the rule is role.coder.{rule}")),
        "{told}"
    );
    let audit = setting.audit();
    let last = audit.last().expect("it is kept");
    assert!(last["came"].as_str().is_some_and(|came| came.contains(&format!("role.coder.{rule}"))), "{last}");
    assert!(last["who"].as_str().is_some_and(|who| who.ends_with(", as coder")), "{last}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_role_nothing_is_allowed_and_of_a_role_only_what_it_says() {
    let folder = Folder::new();
    let setting = little(&folder).await;
    let told =
        setting.runtime.run(AsNobody { command: Shell::new("echo") }).await.expect_err("it is refused");
    assert!(told.to_string().contains("a step without a role may not use the tool `shell`"), "{told}");
    assert_eq!(setting.audit().len(), 1);
    assert!(setting.run(Shell::new("echo").arg("hi")).await.is_ok());
    refused(&setting, Shell::new("id"), "commands").await;
    refused(&setting, Shell::script("echo hi"), "shell").await;
    assert_eq!(setting.audit().len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_not_tried_again() {
    let folder = Folder::new();
    let setting = little(&folder).await;
    let job = setting.submit(Shell::new("id")).await;
    let failure = job.await.expect_err("it is refused");
    assert!(!failure.to_string().contains("attempt 2"), "{failure}");
    assert_eq!(setting.audit().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_is_known_by_where_it_is() {
    let folder = Folder::new();
    let setting = little(&folder).await;
    // A program of the same name, a link to an allowed one and an allowed name for another one, all in the role's own folder.
    folder.file("echo", "#!/bin/sh\nid\n");
    symlink("/usr/bin/id", folder.0.join("git")).unwrap();
    symlink("/usr/bin/echo", folder.0.join("mine")).unwrap();
    symlink("/usr/bin", folder.0.join("bin")).unwrap();
    for file in ["echo", "git", "mine"] {
        let path = folder.0.join(file);
        refused(&setting, Shell::new(path.to_str().unwrap()), "commands").await;
        refused(&setting, Shell::new(format!("./{file}")), "commands").await;
    }
    for way in
        ["../../../../usr/bin/id", "/usr/bin/../bin/id", "bin/id", "..", ".", "/", "echo/../id", "e\0cho"]
    {
        refused(&setting, Shell::new(way), "commands").await;
    }
    // Another way to the same program is the same program.
    for way in ["/usr/bin/../bin/echo", "/usr/bin/echo", "/usr/bin/echo/", "bin/echo"] {
        assert_eq!(setting.run(Shell::new(way).arg("hi")).await.unwrap().stdout.text, "hi\n", "{way}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn arguments_that_would_do_more_are_refused() {
    let folder = Folder::new();
    let setting = little(&folder).await;
    for arguments in [
        &["-c", "core.pager=id", "log"][..],
        &["log", "--output=/etc/passwd"],
        &["log", "--oneline", "-p"],
        &["clone", "ext::id"],
        &[],
        &["--exec-path=/tmp", "log"],
        &["log", "--onelin"],
    ] {
        refused(&setting, Shell::new("git").args(arguments.iter().copied()), "commands").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_environment_is_what_the_role_lets_through() {
    let folder = Folder::new();
    let setting = Setting::with(Role::new().command("env").environment("LANG").write(&folder.0)).await;
    for name in [
        "PATH",
        "LD_PRELOAD",
        "LD_LIBRARY_PATH",
        "BASH_ENV",
        "ENV",
        "IFS",
        "GIT_SSH_COMMAND",
        "HOME",
        "LANG=x",
        "",
    ] {
        refused(&setting, Shell::new("env").variable(name, "/tmp/evil"), "environment").await;
    }
    let done = setting.run(Shell::new("env").variable("LANG", "de_DE.UTF-8")).await.unwrap();
    let mut names: Vec<&str> =
        done.stdout.text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    names.sort_unstable();
    // `PWD` is what the shell sets that sets the limits.
    assert_eq!(names, ["HOME", "LANG", "PATH", "PWD", "TEMP", "TMP", "TMPDIR", "WORKFLOW_ATTEMPT"]);
    assert!(done.stdout.text.contains("LANG=de_DE.UTF-8\n"));
}

#[tokio::test(flavor = "multi_thread")]
async fn no_folder_is_begun_in_but_the_roles_own() {
    let folder = Folder::new();
    let setting = little(&folder).await;
    std::fs::create_dir(folder.0.join("in")).unwrap();
    symlink("/etc", folder.0.join("out")).unwrap();
    symlink(folder.0.join("in"), folder.0.join("link")).unwrap();
    for wrong in ["/etc", "..", "out", "in/../..", "../../etc", "no such", "/proc/self/cwd/../../etc"] {
        refused(&setting, Shell::new("echo").folder(wrong), "read").await;
    }
    for right in ["in", "link", "in/..", "."] {
        assert!(setting.run(Shell::new("echo").folder(right)).await.is_ok(), "{right}");
    }
}
