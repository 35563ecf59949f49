//! Everything without a mouse.

use serde_json::json;
use workflow_tests::browser::{CONTROL, Page, SHIFT};

use crate::world::World;

/// What has the focus, by its words.
fn focused(page: &Page) -> String {
    let text = page.eval(
        "words(document.activeElement) || document.activeElement.ariaLabel || document.activeElement.id",
    );
    text.as_str().unwrap_or_default().to_owned()
}

#[test]
fn jobs_are_gone_through_opened_and_picked_by_keys() {
    let world = World::new();
    for word in ["first", "second", "third"] {
        world.run("fail", &json!(word));
    }
    let page = world.page("jobs");
    page.until("all are listed", "all('[data-test=job]').length === 3");

    // The first that is met leaves out what stands on every page.
    page.press("Tab");
    assert_eq!(focused(&page), "Skip to the page");
    page.press("Enter");
    page.until("one is on the page", "document.activeElement.id === 'main'");

    page.press("j");
    page.see_text("[data-test=job].current", "third");
    page.press("j");
    page.see_text("[data-test=job].current", "second");
    page.press("x");
    page.see_text("[data-test=picked]", "1 job selected");
    page.press("k");
    page.see_text("[data-test=job].current", "third");
    page.press("ArrowDown");
    page.press("ArrowDown");
    page.see_text("[data-test=job].current", "first");
    page.press("ArrowUp");
    page.see_text("[data-test=job].current", "second");
    page.press("Escape");
    page.gone("[data-test=bulk]");
    page.press("Enter");
    page.see_text("[data-test=failure]", "second");
    page.press("]");
    page.see("[data-test=timeline]");
    page.press("[");
    page.see("[data-test=graph]");

    page.press("g");
    page.press("q");
    page.see("[data-test=queue]");
    page.press("g");
    page.press("j");
    page.see("[data-test=job]");
    page.press("/");
    page.press("s");
    page.until("it is written into the search", "all('[data-test=filter-text]')[0].value === 's'");
    page.press("Escape");
    page.until("the search is left", "document.activeElement === document.body");
    // What the browser itself does by keys is left to it.
    page.press_holding("j", CONTROL);
    assert_eq!(page.count("[data-test=job].current"), 0);
    page.press("?");
    page.see_text("[data-test=dialog]", "the next job");
    page.press("Escape");
    page.gone("[data-test=dialog]");
}

#[test]
fn dialogs_hold_the_focus_and_give_it_back() {
    let world = World::new();
    let job = world.submit("Consent", &json!({ "what": "a chair" }), &json!({}));
    let page = world.page(&format!("jobs/{job}"));
    page.see("[data-test=act-cancel]");
    page.eval("all('[data-test=act-cancel]')[0].focus()");
    page.press("Enter");
    page.see("[data-test=dialog]");
    for held in [0, SHIFT] {
        for _ in 0..8 {
            page.press_holding("Tab", held);
            let place = page.eval("document.activeElement === document.body || Boolean(document.activeElement.closest('dialog'))");
            assert_eq!(place, json!(true), "the page behind has the focus: {}", focused(&page));
        }
    }
    // No key reaches the page behind.
    page.press("g");
    page.press("q");
    page.see("[data-test=dialog]");
    page.press("Escape");
    page.gone("[data-test=dialog]");
    page.until("it is where it was", "document.activeElement.dataset.test === 'act-cancel'");
    assert_eq!(world.job(&job)["state"], "running");

    // A step of the picture is a button.
    page.eval("all('[data-test=graph] [data-step=decision]')[0].focus()");
    page.press("Enter");
    page.see_text("[data-test=inspector] h2", "decision");
    page.press("Escape");
    page.gone("[data-test=inspector]");
}

#[test]
fn a_job_is_started_by_keys_alone() {
    let world = World::new();
    let page = world.page("jobs");
    page.see("[data-test=jobs]");
    page.press("g");
    page.press("n");
    page.see("[data-test=start-search]");
    for letter in ["s", "a", "y"] {
        page.press(letter);
    }
    page.until("one is left", "all('[data-test=start-choice]').length === 1");
    page.press("Tab");
    page.press("Enter");
    page.see("[data-test=field]");
    page.until("it can be reached", "all('[data-test=start]').length === 1");
    page.eval("all('[data-test=field] textarea')[0].focus()");
    for letter in ["h", "i"] {
        page.press(letter);
    }
    page.press("Tab");
    page.press("Tab");
    assert_eq!(focused(&page), "Start");
    page.press("Enter");
    page.see(".title-line .is-succeeded");
    page.press("[");
    page.see_text("[data-test=value]", "\"hi\"");
}
