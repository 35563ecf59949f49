//! What goes with a request and is no one's business.

use workflow_agents::Http;
use workflow_runtime::store::Store;

use crate::server::{Server, answer};
use crate::setting::{Setting, role};

/// A variable that every test process of cargo has.
const VARIABLE: &str = "CARGO_PKG_NAME";
const VALUE: &str = "workflow-agents";

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_sent_and_never_kept() {
    let there = answer("200 OK", "", "");
    let server = Server::saying(&[&there]).await;
    let setting = Setting::with(role(&[&server.address.to_string()]).environment(VARIABLE)).await;
    let request =
        Http::get(server.url("/")).secret_header("authorization", format!("Bearer ${{{VARIABLE}}}!"));
    let job = setting.runtime.submit(crate::setting::Ask { request }).await.unwrap();
    let id = job.id();
    job.await.unwrap();
    assert!(server.asked()[0].contains(&format!("authorization: Bearer {VALUE}!")), "{:?}", server.asked());
    let journal = setting.store.read(id).unwrap().expect("it is kept");
    let lines = format!("{journal:?}");
    assert!(lines.contains(VARIABLE) && !lines.contains(&format!("Bearer {VALUE}")), "{lines}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_variable_that_the_role_does_not_let_through_is_refused() {
    let server = Server::saying(&[&answer("200 OK", "", "")]).await;
    let setting = Setting::with(role(&[&server.address.to_string()]).environment("NO_SUCH_VARIABLE")).await;
    let of = |value: &str| Http::get(server.url("/")).secret_header("x-key", value);
    let told = setting.ask(of("${HOME}")).await.expect_err("it is refused");
    assert!(told.contains("role.coder.environment"), "{told}");
    let told = setting.ask(of("${NO_SUCH_VARIABLE}")).await.expect_err("it is not set");
    assert!(told.contains("the variable `NO_SUCH_VARIABLE` is not set"), "{told}");
    let told = setting.ask(of("${HOME")).await.expect_err("it is no variable");
    assert!(told.contains("write it like `${NAME}`"), "{told}");
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_host_is_told_another_is_not() {
    let other = Server::saying(&[&answer("200 OK", "", "")]).await;
    let first = answer("302 Found", "location: /same\r\n", "");
    let second = answer("302 Found", &format!("location: {}\r\n", other.url("/")), "");
    let server = Server::saying(&[&first, &second]).await;
    let role = role(&[&server.address.to_string(), &other.address.to_string()]).environment(VARIABLE);
    let setting = Setting::with(role).await;
    let request = Http::get(server.url("/"))
        .secret_header("x-key", format!("${{{VARIABLE}}}"))
        .header("authorization", "Bearer plain")
        .header("cookie", "a=b")
        .header("x-kind", "kept");
    setting.ask(request).await.unwrap();
    let asked = server.asked();
    assert!(asked[1].contains("x-key") && asked[1].contains("Bearer plain"), "{asked:?}");
    let asked = other.asked();
    assert!(asked[0].contains("x-kind: kept"), "{asked:?}");
    assert!(!["x-key", "authorization", "cookie"].iter().any(|name| asked[0].contains(name)), "{asked:?}");
}
