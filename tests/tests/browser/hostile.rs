//! What jobs say is text, whatever it looks like, and however long it is.

use serde_json::json;

use crate::world::World;

/// What would run if it were taken for markup, move a terminal's cursor, or turn the text around it.
const HOSTILE: &[&str] = &[
    "<script>window.owned = 1</script>",
    "<img src=x onerror='window.owned = 1'>",
    "\"><svg onload=window.owned=1>",
    "javascript:window.owned=1",
    "${window.owned = 1} {{owned}} [x](javascript:window.owned=1) ![x](http://127.0.0.1:9/x.png)",
    "\u{1b}[2J\u{1b}]0;owned\u{7}",
    "\u{202e}gpj.exe \u{2066}hidden\u{200b}",
];

#[test]
fn nothing_that_a_job_says_runs_or_hides() {
    let world = World::new();
    let all = HOSTILE.join(" ");
    let how = json!({ "tags": HOSTILE, "unique": all });
    let failed = world.submit("fail", &json!(all), &how);
    let said = world.submit("say", &json!(all), &json!({ "tags": HOSTILE }));
    for id in [&failed, &said] {
        world.client().events(&format!("/api/jobs/{id}/events")).last();
    }
    let asks = world.submit("Consent", &json!({ "what": all }), &json!({}));
    let signal = json!({ "event": "decision", "value": { "by": all, "granted": true } });
    assert_eq!(world.client().post(&format!("/api/jobs/{asks}/signal"), &signal).status, 200);
    let stopped = world.submit("Consent", &json!({ "what": all }), &json!({}));
    assert_eq!(
        world.client().post(&format!("/api/jobs/{stopped}/cancel"), &json!({ "why": all })).status,
        200
    );

    let page = world.page("jobs");
    let places = [
        "jobs".to_owned(),
        "dead".to_owned(),
        "audit".to_owned(),
        format!("jobs/{failed}"),
        format!("jobs/{said}/data"),
        format!("jobs/{said}/steps"),
        format!("jobs/{failed}/records"),
        format!("jobs/{asks}"),
        format!("jobs/{stopped}"),
        format!("jobs/{failed}/graph?step=fail"),
        format!("jobs?tag={}", "%3Cimg%20src%3Dx%20onerror%3D'window.owned%3D1'%3E"),
        "agents/%3Cimg%20src%3Dx%20onerror%3D'window.owned%3D1'%3E".to_owned(),
        "%3Cimg%20src%3Dx%20onerror%3D'window.owned%3D1'%3E".to_owned(),
    ];
    for place in places {
        page.open(&world.at(&place));
        if place.contains("%3C") {
            page.until(&place, "all('main').length === 1 && !document.querySelector('.loading')");
        } else {
            page.see_text("main", "<script>window.owned = 1</script>");
        }
        // Of the elements that it could have made there is none, and no letter is left that nobody sees.
        let owned = "[window.owned === undefined, document.querySelectorAll('main img, main script, [onerror], [onload]').length, \
                     /[\\u0000-\\u0008\\u000b-\\u001f\\u200b\\u202a-\\u202e\\u2066-\\u2069]/.test(document.body.innerText), \
                     [...document.querySelectorAll('main a')].filter((a) => a.href.startsWith('javascript')).length]";
        assert_eq!(page.eval(owned), json!([true, 0, false, 0]), "{place}");
    }
    page.open(&world.at(&format!("jobs/{said}/data")));
    page.see_text("[data-test=value]", "‹RLO›gpj.exe");
}

#[test]
fn ten_megabytes_are_shown_without_a_halt() {
    let world = World::new();
    let job = world.run("long", &json!(10_000_000));
    let page = world.page("jobs");
    page.see("[data-test=job]");
    page.eval(
        "(window.worst = 0, new PerformanceObserver((list) => list.getEntries().forEach((one) => (window.worst = Math.max(window.worst, one.duration)))).observe({ entryTypes: ['longtask'] }))",
    );
    page.open(&world.at(&format!("jobs/{job}/data")));
    page.see_text("[data-test=value]", "all work and no play");
    page.click("[data-test=whole]");
    page.see_text("[data-test=show-all]", " MB");
    page.click("[data-test=show-all]");
    page.see_text("[data-test=value]", "the rest is in the file that Save gives");
    page.click("[data-test=tab-records]");
    page.see_text("[data-test=record]", "job succeeded");
    page.click("[data-test=tab-graph]");
    page.see("[data-test=graph]");
    let worst = page.eval("window.worst").as_f64().unwrap_or(f64::MAX);
    println!("ten megabytes: the longest halt was {worst:.0} ms");
    assert!(worst < 3000.0, "{worst} ms");
}
