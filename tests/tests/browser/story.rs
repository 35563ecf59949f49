//! A job from its start to its end, as one person meets it.

use serde_json::json;

use crate::world::{World, open_gate};

/// A step of the picture that stands like this.
fn step(path: &str, state: &str) -> String {
    format!("[data-test=graph] [data-step='{path}'][data-state={state}]")
}

#[test]
fn a_job_is_started_watched_found_failed_and_run_again_from_there() {
    let world = World::new();
    let page = world.page("jobs");
    page.click("[data-test=nav-start]");
    page.fill("[data-test=start-search]", "sel");
    page.click("[data-test=start-choice][data-name=Sell]");

    // What is missing or wrong is said at its field, and nothing is sent.
    page.click("[data-test=start]");
    page.see_text("[data-name=who] .field-problem", "must not be empty");
    page.see_text("[data-name=cents] .field-problem", "a number is needed");
    page.fill("[data-name=who] textarea, [data-name=who] input", "Story Ada");
    page.fill("[data-name=cents] input", "0");
    page.choose("[data-name=size] select", "large");
    page.click("[data-test=start]");
    page.see_text("[data-name=cents] .field-problem", "at least 1");
    assert_eq!(world.client().get("/api/jobs").json()["jobs"], json!([]));
    page.fill("[data-name=cents] input", "5000");
    page.click("[data-test=start]");

    page.see(&step("known", "running"));
    page.see(&step("paid", "pending"));
    page.see("[data-test=graph] [data-step=known] .progress");
    page.click("[data-test=tab-steps]");
    page.see_text("[data-test=step]", "25 % · at the gate");
    page.click("[data-test=tab-graph]");
    open_gate("Story Ada");
    page.see(&step("known", "succeeded"));
    page.see(&step("paid", "failed"));
    page.see_text("[data-test=failure]", "Story Ada has no 5000 cents");
    page.click("[data-test=failure] a");
    page.see_text("[data-test=inspector]", "5000");
    page.see_text("[data-test=inspector] [data-test=step-log]", "asks Story Ada for 5000 cents");
    page.click("[data-test=rerun-from]");

    // Another input, first a wrong one.
    page.click("[data-test=dialog] [data-test=change-input]");
    page.fill("[data-test=dialog] [data-name=cents] input", "many");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see_text("[data-test=dialog] [data-name=cents] .field-problem", "this is not a number");
    page.click("[data-test=dialog] [data-test=as-json]");
    page.fill("[data-test=dialog] [data-test=json]", "{\"who\": ");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see("[data-test=dialog] [data-test=problems] li");
    page.fill("[data-test=dialog] [data-test=json]", r#"{"who": "Story Ada", "cents": 70}"#);
    page.click("[data-test=dialog] [data-test=confirm]");

    // The new job took over what was done, and its child is opened in its place.
    page.see(&step("paid", "succeeded"));
    page.see(&step("known", "succeeded"));
    page.click("[data-test=graph] [data-step=parcel][data-child]");
    page.see(&step("parcel/packed", "running"));
    open_gate("pack Story Ada");
    page.see(&step("parcel/closed", "succeeded"));
    page.see(".title-line .is-succeeded");
    page.click("[data-test=tab-data]");
    page.see_text("[data-test=value]", "pack Story Ada for 70");
    page.see_text("[data-test=toast]", "A new job runs from there.");
}
