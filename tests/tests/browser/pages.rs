//! Every page, in light and dark, wide and narrow: it shows what there is, and is fit to be read.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::json;
use workflow_runtime::http::{Person, Token};
use workflow_runtime::schedule::{Cron, every};
use workflow_tests::browser::Page;
use workflow_tests::postgres;

use crate::world::{World, open_gate, say};

/// What is wrong with how a page stands in its window. What scrolls in itself may be wider than the window.
const ASTRAY: &str = r"(() => {
  const wide = document.documentElement.scrollWidth;
  if (wide <= innerWidth) return [];
  const scrolls = (one) => one && (/auto|scroll|hidden/.test(getComputedStyle(one).overflowX) || scrolls(one.parentElement));
  const out = all('main *, header *').filter((one) => one.getBoundingClientRect().right > innerWidth && !scrolls(one.parentElement));
  return [`${wide} is wider than ${innerWidth}`, ...out.slice(0, 5).map((one) => one.outerHTML.slice(0, 200))];
})()";

/// Where pictures of the pages are left.
fn pictures() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("browser");
    std::fs::create_dir_all(&folder).expect("it can be made");
    folder
}

/// Looks at a page in all ways.
fn inspect(page: &Page, name: &str, shows: &[(&str, &str)]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (way, dark, width, height) in [
        ("light", false, 1280, 900),
        ("dark", true, 1280, 900),
        ("narrow", false, 390, 844),
        ("narrow-dark", true, 390, 844),
    ] {
        page.look(dark, width, height);
        for (selector, text) in shows {
            page.see_text(selector, text);
        }
        let background = page.eval(
            "getComputedStyle(document.documentElement).backgroundColor.match(/[0-9.]+/g).slice(0, 3).map(Number)",
        );
        let light: f64 =
            background.as_array().into_iter().flatten().filter_map(serde_json::Value::as_f64).sum();
        assert_eq!(light < 384.0, dark, "{name} {way}: {background}");
        page.picture(&pictures().join(format!("{name}-{way}.png")));
        let astray = page.eval(ASTRAY);
        let astray = astray.as_array().into_iter().flatten().map(ToString::to_string);
        wrong.extend(astray.chain(page.nameless()).map(|what| format!("{name} {way}: {what}")));
    }
    page.look(false, 1280, 900);
    wrong
}

/// A world in which something has happened.
fn lived_in() -> (World, [String; 3]) {
    let world = World::of(
        |site| site,
        async |builder| {
            let store = postgres::options().open().expect("it opens");
            builder.node("node-a").on(Arc::new(store)).await
        },
    );
    let schedules = world.runtime.schedules();
    let nightly =
        Cron::parse("0 3 * * *").expect("it is a pattern").in_zone("Europe/Berlin").expect("it is a zone");
    world
        .wait(async { schedules.set("nightly", nightly, say::with("good night".to_owned())).await })
        .expect("it is set");
    let hourly = every(std::time::Duration::from_secs(3600)).expect("it is long enough");
    world
        .wait(async { schedules.set("hourly", hourly, say::with("tick".to_owned())).await })
        .expect("it is set");
    for number in 0..3 {
        world.run("fail", &json!(format!("machine {number} is out of paper")));
    }
    open_gate("Ada");
    open_gate("pack Ada");
    let order = |who: &str, cents: u32| json!({ "order": { "who": who, "cents": cents, "size": "small" } });
    let done = world.run("Sell", &order("Ada", 900));
    let failed = world.run("Sell", &order("Ada", 9000));
    open_gate("Bob");
    let running =
        world.submit("Sell", &order("Bob", 10), &json!({ "tags": ["tenant:acme"], "priority": "high" }));
    (world, [done, failed, running])
}

#[test]
fn every_page_shows_what_there_is_in_all_colours_and_sizes() {
    let (world, [done, failed, running]) = lived_in();
    let page = world.page("jobs");
    let places = [
        (
            "jobs",
            "jobs",
            vec![
                ("[data-test=job][data-state=failed]", "Sell"),
                ("[data-test=job][data-state=running]", "Sell"),
            ],
        ),
        (
            "job-done",
            &*format!("jobs/{done}"),
            vec![("h1", "Sell"), ("[data-test=graph]", "charge"), (".title-line", "succeeded")],
        ),
        (
            "job-failed",
            &format!("jobs/{failed}/graph?step=paid"),
            vec![
                ("[data-test=failure]", "Ada has no 9000 cents"),
                ("[data-test=inspector]", "Rerun from here"),
            ],
        ),
        (
            "job-running",
            &format!("jobs/{running}?open=parcel"),
            vec![("[data-test=graph]", "packed"), ("[data-test=acts]", "Cancel")],
        ),
        ("job-timeline", &format!("jobs/{done}/timeline"), vec![("[data-test=timeline-row]", "parcel")]),
        ("job-steps", &format!("jobs/{failed}/steps"), vec![("[data-test=step]", "has no 9000 cents")]),
        ("job-records", &format!("jobs/{done}/records"), vec![("[data-test=record]", "job succeeded")]),
        ("job-log", &format!("jobs/{done}/log"), vec![("[data-test=record]", "for 900 cents")]),
        ("job-data", &format!("jobs/{done}/data"), vec![("[data-test=value]", "pack Ada for 900")]),
        ("job-none", "jobs/01a228eb-019c-7000-8000-0000fd290100", vec![("h1", "There is no such job")]),
        (
            "start",
            "start",
            vec![("[data-test=start-choice]", "Sell"), ("[data-test=start-choice]", "charge")],
        ),
        ("start-form", "start/Sell", vec![("[data-test=editor]", "What it costs, in cents.")]),
        ("dead", "dead", vec![("[data-test=dead-group]", "is out of paper")]),
        ("queues", "queues", vec![("[data-test=queue]", "payments"), ("[data-test=queue]", "default")]),
        ("schedules", "schedules", vec![("[data-test=schedule]", "at 03:00 every day, Europe/Berlin")]),
        ("workflows", "workflows", vec![("[data-test=entry]", "Sells something.")]),
        (
            "workflow",
            "workflows/Sell",
            vec![("main", "It is looked up, paid and packed."), ("main svg", "parcel")],
        ),
        ("agents", "agents", vec![("[data-test=entry]", "Takes money, but not more than ten.")]),
        (
            "agent",
            "agents/charge",
            vec![("main", "Takes money"), ("main", "called by"), ("[data-test=report]", "not succeeded")],
        ),
        ("nodes", "nodes", vec![("[data-test=node]", "node-a"), ("[data-test=node]", "alive")]),
        ("audit", "audit", vec![("[data-test=audit-record]", "submit")]),
        ("nowhere", "nowhere", vec![("h1", "There is no such page")]),
    ];
    let mut wrong = Vec::new();
    for (name, place, shows) in places {
        if name == "job-none" {
            page.expect("404 GET");
        }
        page.open(&world.at(place));
        wrong.extend(inspect(&page, name, &shows));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_page_for_who_is_not_known_stands_in_all_colours_and_sizes() {
    let token = |site: workflow_runtime::http::Site| {
        site.token(Token::new(Person::operator("ann"), "operator-0123456789").expect("it is long enough"))
    };
    let world = World::of(token, async |builder| builder.in_memory().await);
    let page = world.page("jobs");
    page.expect("401 GET");
    assert_eq!(inspect(&page, "login", &[("form", "Token")]), [""; 0]);
}

#[test]
fn what_a_page_waited_for_when_it_was_left_is_shown_to_nobody() {
    let world = World::new();
    let page = world.page("dead");
    page.see("h1");
    page.hold("api/catalogue");
    page.click("[data-test=nav-start]");
    page.holds(1);
    page.click("[data-test=nav-nodes]");
    page.see_text("h1", "Nodes");
    // The page that was left asked first, and so it is answered first; then it would be drawn.
    page.eval(
        "(window.release(), import(document.querySelector('script[type=module]').src.replace('main.js', 'api.js')) \
         .then(({ once }) => once('api/catalogue')) \
         .then(() => new Promise(requestAnimationFrame)).then(() => true))",
    );
    assert_eq!(page.texts("h1"), ["Nodes"]);
}
