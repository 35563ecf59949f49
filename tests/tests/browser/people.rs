//! Who looks: readers, whoever is not known, and whoever loses the connection.

use serde_json::json;
use workflow_runtime::http::{Person, Site, Token};

use crate::world::{World, open_gate};

const OPERATOR: &str = "operator-0123456789";
const READER: &str = "reader-0123456789";

fn tokens(site: Site) -> Site {
    site.token(Token::new(Person::operator("ann"), OPERATOR).expect("it is long enough"))
        .token(Token::new(Person::reader("bob"), READER).expect("it is long enough"))
}

#[test]
fn who_is_not_known_logs_in_and_readers_are_offered_nothing_that_acts() {
    let world = World::of(tokens, async |builder| builder.in_memory().await);
    let ann = world.client().with("authorization", &format!("Bearer {OPERATOR}"));
    let letter = ann.post("/api/jobs", &json!({ "name": "fail", "input": "no paper" })).json()["job"].clone();
    let letter = letter.as_str().expect("it has an id").to_owned();
    ann.events(&format!("/api/jobs/{letter}/events")).last();

    let page = world.page("jobs?state=failed");
    page.expect("401 GET");
    page.fill("[data-test=token]", "somebody-0123456789");
    page.expect("401 POST");
    page.click("[data-test=login]");
    page.see_text(".login .problem", "token");
    page.fill("[data-test=token]", READER);
    page.press("Enter");
    page.see_text("[data-test=person]", "bob");
    page.see_text("[data-test=job]", "no paper");
    assert_eq!(page.eval("location.hash"), "#/jobs?state=failed", "what was asked for is shown");

    let acting = "[data-test=pick], [data-test=select-all], [data-test=nav-start], [data-test^=act-], [data-test=rerun-from], \
                  [data-test=pause], [data-test=trigger], [data-test=retry-group], [data-test=discard-group], [data-test=start-this]";
    for (place, sees) in [
        ("jobs".to_owned(), "[data-test=job]"),
        (format!("jobs/{letter}"), "[data-test=failure]"),
        (format!("jobs/{letter}/graph?step=fail"), "[data-test=inspector]"),
        ("dead".to_owned(), "[data-test=dead-group]"),
        ("queues".to_owned(), "[data-test=queue]"),
        ("schedules".to_owned(), "h1"),
        ("workflows/Sell".to_owned(), "main svg"),
        ("agents/fail".to_owned(), "h1"),
    ] {
        page.open(&world.at(&place));
        page.see(sees);
        assert_eq!(page.texts(acting), [""; 0], "{place}");
    }
    page.open(&world.at("start/say"));
    page.see_text("main", "Readers cannot start jobs.");

    page.click("[data-test=logout]");
    page.see("[data-test=token]");
    page.fill("[data-test=token]", OPERATOR);
    page.press("Enter");
    page.see_text("[data-test=person]", "ann");
    page.click("[data-test=nav-dead]");
    page.see("[data-test=retry-group]");
    page.click("[data-test=theme]");
    page.click("[data-test=theme]");
    page.reload();
    page.see_text("[data-test=theme]", "Dark");
    page.see_text("[data-test=person]", "ann");
}

#[test]
fn a_lost_connection_is_told_and_what_happened_meanwhile_is_shown() {
    let mut world = World::new();
    let job = world.submit("wait_at", &json!("lost"), &json!({}));
    let page = world.page(&format!("jobs/{job}"));
    page.see(".title-line .is-running");
    page.expect("net::ERR_");
    world.cut();
    page.see_text("#lost", "The connection to the server is lost.");
    open_gate("lost");
    page.see(".title-line .is-running");
    world.serve();
    page.gone("#lost");
    page.see(".title-line .is-succeeded");
    page.click("[data-test=nav-jobs]");
    page.see("[data-test=job][data-state=succeeded]");
    // From a list, too, and at once by its button: nothing goes on by itself until it was pressed.
    page.eval(
        "(window.later = [], window.wait = setTimeout, window.setTimeout = (...what) => later.push(what), 0)",
    );
    world.cut();
    page.see("#lost");
    world.serve();
    page.click("#lost button");
    page.gone("#lost");
    page.eval("(window.setTimeout = wait, later.forEach((what) => wait(...what)), 0)");
    world.run("say", &json!("I am new"));
    page.until("the new one is listed", "all('[data-test=job]').length === 2");
}
