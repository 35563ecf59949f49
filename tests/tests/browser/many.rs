//! Ten thousand jobs in the list.

use serde_json::json;

use crate::world::{World, say};

const MANY: usize = 10_000;

/// Measures the time between frames when nothing happens, and while the whole list is scrolled through and back.
const SCROLL: &str = r"(async () => {
  const idle = [];
  for (let at = await new Promise(requestAnimationFrame); idle.length < 30; ) {
    const now = await new Promise(requestAnimationFrame);
    idle.push(now - at);
    at = now;
  }
  const box = document.querySelector('[data-test=jobs] .scroller');
  const frames = [];
  let rows = 0;
  let last = await new Promise(requestAnimationFrame);
  for (let frame = 0; frame < 200; frame += 1) {
    box.scrollTop = (box.scrollHeight - box.clientHeight) * (frame < 100 ? frame / 99 : (199 - frame) / 99);
    const now = await new Promise(requestAnimationFrame);
    frames.push(now - last);
    last = now;
    rows = Math.max(rows, document.querySelectorAll('[data-test=job]').length);
  }
  for (const all of [idle, frames]) all.sort((a, b) => a - b);
  return { idle: idle[15], median: frames[100], worst: frames[199], rows };
})()";

/// Runs so many jobs.
fn say_often(world: &World, count: usize) {
    world.wait(async {
        let jobs = (0..count).map(|number| say::with(format!("job {number}")));
        for job in world.runtime.submit_all(jobs).await.expect("they are taken in") {
            job.await.expect("it says so");
        }
    });
}

#[test]
fn ten_thousand_jobs_are_scrolled_through_without_jerks() {
    let world = World::of(|site| site, async |builder| builder.keep(2 * MANY).in_memory().await);
    say_often(&world, MANY);
    let page = world.page("jobs");
    page.see("[data-test=job]");
    let down = "((box) => { box.scrollTop = box.scrollHeight; return !document.querySelector('[data-test=count]').innerText.includes('+'); })(document.querySelector('[data-test=jobs] .scroller'))";
    page.until("all are loaded", down);
    page.see_text("[data-test=count]", "10,000");
    let measured = page.eval(SCROLL);
    println!("ten thousand jobs: {measured}");
    let number = |name: &str| measured[name].as_f64().unwrap_or(f64::MAX);
    assert!(number("rows") < 200.0, "{measured}");
    // A machine that is busy, and draws without help, has longer frames by itself.
    assert!(number("median") < 50.0 + 2.0 * number("idle"), "{measured}");

    // All of them can be picked, and the last of them is looked at.
    page.click("[data-test=select-all]");
    page.see_text("[data-test=picked]", "10,000 jobs selected");
    page.until("the end is seen", "(document.querySelector('[data-test=jobs] .scroller').scrollTop = 1e9, all('[data-test=job]').at(-1)?.ariaRowIndex === '10001')");
}

#[test]
fn a_page_that_comes_late_is_not_listed_twice() {
    const JOBS: usize = 450;
    let world = World::of(|site| site, async |builder| builder.in_memory().await);
    say_often(&world, JOBS);
    let page = world.page("jobs");
    page.see_text("[data-test=count]", "+");
    let first = page.texts("[data-test=count]");
    // The next page is asked for, and does not come.
    page.hold("limit=200");
    page.eval("((box) => { box.scrollTop = box.scrollHeight; return true; })(document.querySelector('[data-test=jobs] .scroller'))");
    page.holds(1);
    // Something changes, and what is seen is asked for again, with some that follow.
    world.run("say", &json!("I am new"));
    page.until("there are more", &format!("all('[data-test=count]')[0].innerText !== {}", json!(first[0])));
    page.release();
    page.until(
        "all are listed",
        "((box) => { box.scrollTop = box.scrollHeight; return !all('[data-test=count]')[0].innerText.includes('+'); })(document.querySelector('[data-test=jobs] .scroller'))",
    );
    assert_eq!(page.texts("[data-test=count]"), [JOBS.to_string()]);
}

#[test]
fn no_next_page_is_asked_for_before_the_first_of_another_question_is_there() {
    let world = World::new();
    say_often(&world, 450);
    let page = world.page("jobs");
    page.see_text("[data-test=count]", "200+");
    page.hold("limit=200");
    page.fill("[data-test=filter-name]", "say");
    page.holds(1);
    page.eval(
        "((box) => { box.scrollTop = box.scrollHeight; \
         return new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(() => drawn(true)))); \
         })(document.querySelector('[data-test=jobs] .scroller'))",
    );
    page.holds(1);
    page.release();
    page.see_text("[data-test=count]", "200+");
}
