//! What the kernel holds a command to, whatever it was allowed to run.

use std::net::TcpListener;
use std::os::unix::fs::symlink;

use workflow_agents::policy::Role;
use workflow_agents::{Accept, Shell};

use crate::setting::{Folder, Setting};

/// What a script gives, which may fail.
async fn said(setting: &Setting, script: &str, argument: &str) -> String {
    let done = setting.run(Shell::script(script).arg(argument).accept(Accept::Any)).await.expect(script);
    format!("{}{}", done.stdout.text, done.stderr.text)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_else_can_be_read_or_written() {
    let (own, other) = (Folder::new(), Folder::new());
    let secret = other.file("secret", "it is forty-two");
    let setting = Setting::free(&own.0).await;
    symlink(&secret, own.0.join("link")).unwrap();
    let path = secret.to_str().unwrap();
    for script in [
        "cat \"$1\"",
        "cat link",
        "cat /proc/self/root\"$1\"",
        "cd /proc/self/root && cat .\"$1\"",
        "ln \"$1\" hard && cat hard",
        "python3 -c 'import sys; print(open(sys.argv[1]).read())' \"$1\"",
    ] {
        let told = said(&setting, script, path).await;
        assert!(!told.contains("forty-two"), "{script}: {told}");
        // A file is not linked to from where more may be done with it.
        assert!(["ermission denied", "ross-device"].iter().any(|why| told.contains(why)), "{script}: {told}");
    }
    for script in [
        "echo broken > \"$1\"",
        "echo broken > link",
        ": >> \"$1\" && truncate -s 0 \"$1\"",
        "rm \"$1\"",
        "mv \"$1\" mine",
        "touch \"$1\".new",
        "mkdir \"$1\".folder",
        "ln -s /etc/passwd \"$1\".link",
    ] {
        said(&setting, script, path).await;
        assert_eq!(std::fs::read_to_string(&secret).unwrap(), "it is forty-two", "{script}");
        assert_eq!(std::fs::read_dir(&other.0).unwrap().count(), 1, "{script}");
    }
    assert_eq!(
        said(
            &setting,
            "echo mine > file && cat file && ls \"$HOME\" && echo x > \"$TMPDIR/x\" && cat \"$TMPDIR/x\"",
            ""
        )
        .await,
        "mine\nx\n"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_folder_to_read_is_not_one_to_write() {
    let (own, other) = (Folder::new(), Folder::new());
    let file = other.file("words", "once");
    let role = Role::new().command("*").shell().write(&own.0).read(&other.0);
    let setting = Setting::with(role).await;
    assert_eq!(said(&setting, "cat \"$1\"", file.to_str().unwrap()).await, "once");
    let told = said(&setting, "echo twice >> \"$1\"", file.to_str().unwrap()).await;
    assert!(told.contains("Permission denied"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn secrets_of_this_process_stay_here() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let process = std::process::id().to_string();
    for script in [
        "cat /proc/\"$1\"/environ",
        "cat /proc/\"$1\"/maps",
        "head -c 1 /proc/\"$1\"/mem",
        "ls /proc/\"$1\"/fd/ && cat /proc/\"$1\"/fd/*",
    ] {
        let told = said(&setting, script, &process).await;
        assert!(told.contains("Permission denied") || told.contains("cannot open"), "{script}: {told}");
    }
    let told = said(&setting, "kill -9 \"$1\"", &process).await;
    assert!(told.contains("not permitted"), "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_is_called_by_who_has_no_network() {
    let folder = Folder::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let call = "python3 -c 'import socket, sys; socket.create_connection((\"127.0.0.1\", int(sys.argv[1]))); print(\"in\")' \"$1\"";
    let setting = Setting::free(&folder.0).await;
    let told = said(&setting, call, &port).await;
    assert!(told.contains("Permission denied"), "{told}");
    let role = Role::new().command("*").shell().write(&folder.0).network();
    let setting = Setting::with(role).await;
    assert_eq!(said(&setting, call, &port).await, "in\n");
}

#[tokio::test(flavor = "multi_thread")]
async fn where_a_role_says_so_nothing_is_held() {
    let (own, other) = (Folder::new(), Folder::new());
    let secret = other.file("secret", "it is forty-two");
    let role = Role::new().command("cat").write(&own.0).confine(false);
    let setting = Setting::with(role).await;
    let done = setting.run(Shell::new("cat").arg(secret.to_str().unwrap())).await.unwrap();
    assert_eq!(done.stdout.text, "it is forty-two");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_command_leaves_in_its_own_folder_goes_with_it() {
    let folder = Folder::new();
    let setting = Setting::free(&folder.0).await;
    let home = said(&setting, "mkdir -p \"$HOME/a/b\"; echo x > \"$HOME/a/b/c\"; echo \"$HOME\"", "").await;
    assert!(home.contains("workflow-") && !std::path::Path::new(home.trim()).exists(), "{home}");
}
