//! What a role may not ask, however it is asked for.

use workflow_agents::Http;
use workflow_agents::policy::Role;

use crate::server::{Server, answer};
use crate::setting::{Setting, role};

async fn refused(setting: &Setting, request: Http, rule: &str) {
    let (shown, before) = (format!("{request:?}"), setting.audit().len());
    let told = setting.ask(request).await.expect_err(&shown);
    assert!(
        told.contains("refused: `coder` may not ask") && told.contains(&format!("role.coder.{rule}")),
        "{shown}: {told}"
    );
    assert!(told.contains("attempt 1"), "it is not tried again: {told}");
    let audit = setting.audit();
    assert!(audit.len() == before + 1 && audit[before].contains(&format!("role.coder.{rule}")), "{audit:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn no_host_is_asked_but_those_that_are_named() {
    let server = Server::saying(&[&answer("200 OK", "", "")]).await;
    let setting = Setting::with(role(&["127.0.0.1:1", "example.com", "*.example.org:443"])).await;
    let port = server.address.port();
    for url in [
        server.url("/"),
        format!("http://localhost:{port}/"),
        "http://example.com.evil.net/".to_owned(),
        "http://example.com@evil.net/".to_owned(),
        "http://evil.net/#@example.com".to_owned(),
        "http://evil.net\\@example.com/".to_owned(),
        "http://user:word@example.com/".to_owned(),
        "http://www.example.com/".to_owned(),
        "http://a.example.org/".to_owned(),
        "https://example.org/".to_owned(),
        "file:///etc/passwd".to_owned(),
        "ftp://example.com/".to_owned(),
        "data:text/plain,x".to_owned(),
        "http://169.254.169.254/latest/meta-data".to_owned(),
    ] {
        refused(&setting, Http::get(url), "hosts").await;
    }
    assert!(server.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_leads_to_this_machine_is_none_of_the_world() {
    let server = Server::saying(&[&answer("200 OK", "", "in")]).await;
    let port = server.address.port();
    // The name is allowed, and so are all names; where it leads is not.
    let setting = Setting::with(role(&["localhost", "*"])).await;
    for host in [
        "localhost",
        "LOCALHOST",
        "127.0.0.1",
        "2130706433",
        "0x7f.1",
        "0177.0.0.1",
        "127.1",
        "[::1]",
        "[::ffff:127.0.0.1]",
        "0",
        "0.0.0.0",
    ] {
        refused(&setting, Http::get(format!("http://{host}:{port}/")), "private").await;
    }
    assert!(server.asked().is_empty());
    let setting = Setting::with(role(&["localhost"]).private()).await;
    assert_eq!(setting.ask(Http::get(format!("http://localhost:{port}/"))).await.unwrap().body.text, "in");
    let setting = Setting::with(role(&["127.0.0.1"])).await;
    assert_eq!(setting.ask(Http::get(server.url("/"))).await.unwrap().body.text, "in");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_goes_only_where_the_role_may() {
    let secret = Server::saying(&[&answer("200 OK", "", "secret")]).await;
    for place in [
        secret.url("/"),
        "http://169.254.169.254/latest/meta-data".to_owned(),
        "//169.254.169.254/".to_owned(),
        "file:///etc/passwd".to_owned(),
    ] {
        let text = answer("302 Found", &format!("location: {place}\r\n"), "");
        let server = Server::saying(&[&text]).await;
        let setting = Setting::asking(&server).await;
        refused(&setting, Http::get(server.url("/")), "hosts").await;
        let given = setting.ask(Http::get(server.url("/")).redirects(0).accept(302)).await.unwrap();
        assert_eq!(given.headers["location"], place);
    }
    assert!(secret.asked().is_empty());
    // Where a name is allowed, but leads home.
    let port = secret.address.port();
    let text = answer("307 Temporary Redirect", &format!("location: http://localhost:{port}/\r\n"), "");
    let server = Server::saying(&[&text]).await;
    let setting = Setting::with(role(&[&server.address.to_string(), "localhost"])).await;
    refused(&setting, Http::get(server.url("/")), "private").await;
    assert!(secret.asked().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn redirects_are_followed_as_browsers_do_and_not_for_ever() {
    let there = answer("200 OK", "", "there");
    for (status, asked, then) in [
        ("301 Moved Permanently", "POST", "GET"),
        ("302 Found", "POST", "GET"),
        ("303 See Other", "PUT", "GET"),
        ("307 Temporary Redirect", "POST", "POST"),
        ("308 Permanent Redirect", "PUT", "PUT"),
    ] {
        let server = Server::saying(&[&answer(status, "location: ../b?c\r\n", ""), &there]).await;
        let setting = Setting::asking(&server).await;
        let given = setting.ask(Http::new(asked, server.url("/x/a")).text("body")).await.unwrap();
        assert_eq!((given.body.text.as_str(), given.url), ("there", server.url("/b?c")));
        let second = &server.asked()[1];
        assert!(second.starts_with(&format!("{then} /b?c")), "{second}");
        assert_eq!(second.ends_with("body"), then != "GET", "{second}");
    }
    let server = Server::saying(&[&answer("302 Found", "location: /again\r\n", "")]).await;
    let setting = Setting::asking(&server).await;
    let told = setting.ask(Http::get(server.url("/"))).await.expect_err("it never ends");
    assert!(told.contains("302 Found") && server.asked().len() == 6, "{told}");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_methods_that_are_named_are_used() {
    let server = Server::saying(&[&answer("200 OK", "", "")]).await;
    let of = |role: Role| role.host(server.address.to_string()).expect("it is a host");
    let setting = Setting::with(of(Role::new())).await;
    assert!(setting.ask(Http::get(server.url("/"))).await.is_ok());
    for method in ["POST", "DELETE", "get", "TRACE"] {
        refused(&setting, Http::new(method, server.url("/")), "methods").await;
    }
    let setting = Setting::with(of(Role::new().method("POST"))).await;
    assert!(setting.ask(Http::post(server.url("/"))).await.is_ok());
    refused(&setting, Http::new("DELETE", server.url("/")), "methods").await;
    assert_eq!(server.asked().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_carry_nothing_but_themselves() {
    let server = Server::saying(&[&answer("200 OK", "", "")]).await;
    let setting = Setting::asking(&server).await;
    for (name, value, why) in [
        ("x", "a\r\nx-evil: 1", "no header may have"),
        ("x\r\nx-evil", "1", "is no header"),
        ("host", "evil.net", "leave it out"),
        ("Transfer-Encoding", "chunked", "leave it out"),
        ("content-length", "0", "leave it out"),
    ] {
        let told = setting.ask(Http::get(server.url("/")).header(name, value)).await.expect_err(name);
        assert!(told.contains(why), "{told}");
    }
    let told =
        setting.ask(Http::new("GET / HTTP/1.1\r\nx: ", server.url("/"))).await.expect_err("it is none");
    assert!(told.contains("is no method"), "{told}");
    assert!(setting.ask(Http::get("no url")).await.expect_err("it is none").contains("is no URL"));
    assert!(server.asked().is_empty());
}
