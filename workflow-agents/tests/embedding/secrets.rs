//! Keys, which nobody sees but who they are for.

use crate::server::Server;
use crate::setting::{Setting, two};
use crate::wire::{KEY, VARIABLE, model, ok, refuses};

#[tokio::test(flavor = "multi_thread")]
async fn a_key_that_is_repeated_is_in_no_error_and_in_no_journal() {
    for text in
        [refuses("401 Unauthorized", "", &format!("no such key: {KEY}")), ok(&format!("no such key: {KEY}"))]
    {
        let server = Server::saying(&[&text]).await;
        let setting = Setting::of(model(&server)).await;
        let job = setting.begin(two()).await;
        let id = job.id();
        let told = job.await.expect_err("it is refused").to_string();
        assert!(told.contains("no such key: …"), "{told}");
        assert!(server.asked()[0].contains(KEY));
        let kept = setting.kept(id);
        assert!(!told.contains(KEY) && !kept.contains(KEY) && kept.contains("no such key"), "{kept}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_key_a_model_is_not_asked() {
    let server = Server::saying(&[""]).await;
    let setting = Setting::of(model(&server).key("NO_SUCH_VARIABLE")).await;
    let told = setting.make(two()).await.expect_err("there is no key");
    assert!(told.contains("set the variable `NO_SUCH_VARIABLE`") && told.contains("attempt 1"), "{told}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_shows_no_key() {
    let server = Server::saying(&[""]).await;
    let shown = format!("{:?}", model(&server));
    assert!(shown.contains(VARIABLE) && !shown.contains(KEY), "{shown}");
}
