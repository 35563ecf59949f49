//! What people do to jobs, queues and schedules, one at a time and many at once.

use serde_json::json;
use workflow_runtime::schedule::every;

use crate::world::{World, open_gate, say};

#[test]
fn a_job_that_waits_is_signalled_by_a_dialog_and_one_is_paused_and_cancelled() {
    let world = World::new();
    let asks = world.submit("Consent", &json!({ "what": "a chair" }), &json!({}));
    let page = world.page(&format!("jobs/{asks}"));
    page.see("[data-test=graph] [data-step=decision][data-state=waiting]");
    page.click("[data-test=act-signal]");
    page.see_text("[data-test=dialog] [data-test=event]", "decision");
    page.fill("[data-test=dialog] [data-name=by] textarea", "Grace");
    page.click("[data-test=dialog] [data-name=granted] input");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see(".title-line .is-succeeded");
    page.see_text("[data-test=said]", "decision");
    assert_eq!(world.job(&asks)["output"], "a chair: Grace");

    let other = world.submit("Consent", &json!({ "what": "a desk" }), &json!({}));
    page.open(&world.at(&format!("jobs/{other}")));
    page.click("[data-test=act-pause]");
    page.see(".title-line .is-paused");
    page.click("[data-test=act-resume]");
    page.see(".title-line .is-running");
    page.click("[data-test=act-cancel]");
    page.fill("[data-test=dialog] [data-test=why]", "nobody needs it");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see(".title-line .is-cancelled");
    page.see_text("[data-test=failure]", "nobody needs it");
    assert_eq!(world.job(&other)["state"], "cancelled");

    page.open(&world.at("audit"));
    page.see_text("[data-test=audit-record]", "nobody needs it");
    page.see_text("[data-test=audit-record]", "signal");
}

#[test]
fn jobs_are_found_by_everything_that_is_known_of_them() {
    let world = World::new();
    for number in 0..3 {
        world.run("fail", &json!(format!("printer {number} burns")));
    }
    world.run("say", &json!("hello"));
    let tagged = json!({ "tags": ["tenant:acme"], "queue": "narrow" });
    let held = world.submit("wait_at", &json!("found"), &tagged);
    let waits = world.submit("wait_at", &json!("found"), &tagged);
    let page = world.page("jobs");
    let listed = |count: usize| {
        page.until(&format!("{count} jobs"), &format!("all('[data-test=job]').length === {count}"));
    };
    listed(6);

    page.click("[data-test=state-failed]");
    listed(3);
    page.click("[data-test=state-succeeded]");
    listed(4);
    page.click("[data-test=state-failed]");
    listed(1);
    page.click("[data-test=filter-clear]");
    listed(6);
    page.fill("[data-test=filter-text]", "PRINTER 2");
    listed(1);
    page.see_text("[data-test=job]", "printer 2 burns");
    page.fill("[data-test=filter-text]", &waits);
    listed(1);
    page.fill("[data-test=filter-text]", "");
    listed(6);
    page.fill("[data-test=filter-name]", "say");
    listed(1);
    page.fill("[data-test=filter-name]", "");
    page.fill("[data-test=filter-tag]", "tenant:acme");
    listed(2);
    page.fill("[data-test=filter-tag]", "nobody's");
    page.see_text("[data-test=jobs]", "No job is like that.");
    page.click("[data-test=filter-clear]");
    page.fill("[data-test=filter-queue]", "narrow");
    listed(2);
    page.fill("[data-test=filter-queue]", "");
    page.click("[data-test=filter-dead]");
    listed(3);
    page.click("[data-test=filter-dead]");
    listed(6);
    page.click("[data-test=filter-parked]");
    listed(0);
    page.click("[data-test=filter-parked]");
    page.choose("[data-test=filter-last]", "last 15 minutes");
    listed(6);
    page.choose("[data-test=filter-last]", "between");
    page.see("[data-test=filter-since]");
    listed(6);
    page.eval("((field) => { field.value = '2020-01-01T00:00'; field.dispatchEvent(new Event('change')); })(all('[data-test=filter-until]')[0])");
    listed(0);
    page.click("[data-test=filter-clear]");
    page.click("[data-test=filter-oldest]");
    page.until("the oldest is the first", "all('[data-test=job]')[0]?.innerText.includes('printer 0')");

    // What is asked for stands in the address, for others and for later.
    page.click("[data-test=state-running]");
    page.until(
        "it is in the address",
        "location.hash.includes('state=running') && location.hash.includes('oldest=true')",
    );
    page.reload();
    page.until("it is asked for again", "all('[data-test=state-running][aria-pressed=true]').length === 1");
    page.until(
        "what runs is shown",
        &format!("all('[data-test=job]').some((one) => one.dataset.id === '{held}')"),
    );
    open_gate("found");
}

#[test]
fn many_jobs_are_picked_and_retried_or_cancelled_at_once() {
    let world = World::new();
    let letters: Vec<String> =
        (0..4).map(|number| world.run("fail", &json!(format!("no paper {number}")))).collect();
    let waiting: Vec<String> =
        (0..3).map(|_| world.submit("Consent", &json!({ "what": "it" }), &json!({}))).collect();
    let page = world.page("jobs");
    page.until("all are listed", "all('[data-test=job]').length === 7");
    let pick = |id: &str| format!("[data-test=job][data-id='{id}'] [data-test=pick]");
    page.click(&pick(&waiting[2]));
    page.click_holding(&pick(&waiting[0]), workflow_tests::browser::SHIFT);
    page.see_text("[data-test=picked]", "3 jobs selected");
    page.see("[data-test=bulk-retry]:disabled");
    page.click("[data-test=bulk-cancel]");
    page.see_text("[data-test=dialog]", "Cancel 3 jobs?");
    page.click("[data-test=dialog] [data-test=dismiss]");
    page.gone("[data-test=dialog]");
    assert_eq!(world.job(&waiting[0])["state"], "running");
    page.click("[data-test=bulk-cancel]");
    page.fill("[data-test=dialog] [data-test=why]", "too many");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see_text("[data-test=toast]", "3 jobs cancelled.");
    page.until("they are", "all('[data-test=job][data-state=cancelled]').length === 3");
    assert!(world.job(&waiting[1])["said"].to_string().contains("too many"));

    // What fits only some of them is done to those, and the button says so.
    page.click("[data-test=select-all]");
    page.see_text("[data-test=picked]", "7 jobs selected");
    page.see_text("[data-test=bulk-discard]", "Discard 4");
    page.press("Escape");
    page.gone("[data-test=bulk]");

    page.click("[data-test=nav-dead]");
    page.see_text("[data-test=dead-group]", "no paper");
    assert_eq!(page.count("[data-test=dead-group]"), 1, "they differ in a number only");
    page.click("[data-test=dead-group] .group-words");
    page.until("each is shown", "all('[data-test=letter]').length === 4");
    page.click("[data-test=retry-group]");
    page.see_text("[data-test=dialog]", "Retry 4 jobs?");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see_text("[data-test=toast]", "4 jobs going on.");
    // Each is handed in again as a new job, which fails as well.
    let again = || {
        let listed = world.client().get("/api/jobs?name=fail&state=failed").json();
        let settled = listed["jobs"].as_array().into_iter().flatten().filter(|job| job["settled"] == true);
        settled.filter_map(|job| job["id"].as_str().map(str::to_owned)).collect::<Vec<_>>()
    };
    let mut retried = again();
    retried.sort_unstable();
    assert_eq!(retried, letters);
    page.until("others are dead", &format!("all('[data-test=letter]').length === 4 && !all('[data-test=letter]').some((one) => {}.includes(one.dataset.id))", json!(letters)));
    page.see_text("[data-test=count]", "4 in 1 group");
    page.click("[data-test=discard-group]");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see_text("[data-test=dead]", "Nothing is dead.");
}

#[test]
fn a_queue_is_paused_and_resumed_and_a_schedule_runs_at_once_and_rests() {
    let world = World::new();
    let hourly = every(std::time::Duration::from_secs(3600)).expect("it is long enough");
    let what = say::with("the hour".to_owned());
    world.wait(async { world.runtime.schedules().set("hourly", hourly, what).await }).expect("it is set");
    let page = world.page("queues");
    page.click("[data-test=queue][data-name=narrow] [data-test=pause]");
    page.see_text("[data-test=dialog]", "Pause narrow?");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see("[data-test=queue][data-name=narrow] .is-paused");
    let held = world.submit("say", &json!("later"), &json!({ "queue": "narrow" }));
    page.until(
        "one waits",
        "all('[data-test=queue][data-name=narrow] dl > div').some((one) => one.innerText === 'waiting\\n1')",
    );
    assert_ne!(world.job(&held)["state"], "succeeded");
    page.click("[data-test=queue][data-name=narrow] [data-test=resume]");
    page.gone("[data-test=queue][data-name=narrow] .is-paused");
    page.open(&world.at(&format!("jobs/{held}")));
    page.see(".title-line .is-succeeded");

    page.click("[data-test=nav-schedules]");
    page.see_text("[data-test=schedule]", "not yet");
    page.click("[data-test=trigger]");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.click("[data-test=toast] a");
    page.see(".title-line .is-succeeded");
    page.see_text("h1", "say");
    page.click("[data-test=nav-schedules]");
    page.click("[data-test=schedule] [data-test=pause]");
    page.click("[data-test=dialog] [data-test=confirm]");
    page.see_text("[data-test=schedule]", "not while it is paused");
    page.click("[data-test=schedule] [data-test=resume]");
    page.gone("[data-test=schedule] .is-paused");
}
