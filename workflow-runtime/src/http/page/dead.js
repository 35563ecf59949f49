// The dead letters: jobs that failed for good and that nobody has looked after, together by what went wrong.

import { get } from "./api.js";
import { actOnMany } from "./bulk.js";
import { attempt } from "./dialog.js";
import { button, h, put, say } from "./dom.js";
import { ago, date, number, plural, shortId } from "./format.js";
import { pageKeys } from "./keys.js";
import { atMost, stream } from "./live.js";
import { jobLink } from "./route.js";
import { mayAct } from "./session.js";
import { sign } from "./states.js";

const MOST = 1000;
const SHOWN = 20;

/** The failure without what differs from one time to the next: ids, numbers, quoted values. */
export function kindOf(failure) {
  return failure
    .slice(0, 400)
    .replace(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/gi, "…")
    .replace(/\b0x[0-9a-f]+\b|\b[0-9a-f]{12,}\b/gi, "…")
    .replace(/-?\d+(\.\d+)?/g, "…");
}

export function open(root) {
  const count = h("span", { class: "soft count", "data-test": "count" });
  const search = h("input", { type: "search", class: "narrow", placeholder: "name, failure, tag or id", "aria-label": "Search", oninput: () => draw() });
  const list = h("div", { class: "groups", "data-test": "dead" });
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Dead letters"), count), h("p", { class: "soft" }, "Jobs that failed for good. Retry those whose cause is gone; discard those that nobody needs."), search, list);
  pageKeys({ "/": [() => search.focus(), "search"] });
  let heads = [];
  let more = false;
  let drawn = "";
  const open = new Set();

  function draw() {
    const words = search.value.toLowerCase();
    const fits = (head) => `${head.name} ${head.failure ?? ""} ${head.id} ${(head.tags ?? []).join(" ")}`.toLowerCase().includes(words);
    const groups = new Map();
    for (const head of heads.filter(fits)) {
      const key = `${head.name}\n${kindOf(head.failure ?? head.state)}`;
      if (!groups.has(key)) groups.set(key, []);
      groups.get(key).push(head);
    }
    const all = [...groups].sort((a, b) => b[1].length - a[1].length || (a[1][0].id < b[1][0].id ? 1 : -1));
    const is = JSON.stringify(all.map(([key, jobs]) => [key, jobs.map((head) => head.id)]));
    say(count, heads.length ? `${number(heads.length)}${more ? "+" : ""} in ${plural(groups.size, "group")}` : "");
    if (is === drawn) return;
    drawn = is;
    put(list, all.map(([key, jobs]) => group(key, jobs)), all.length === 0 && h("div", { class: "empty" }, h("p", {}, words ? "No dead letter is like that." : "Nothing is dead. Everything that failed has been looked after.")));
  }

  const act = (which, jobs) => async () => (await actOnMany(which, jobs)) && refresh();

  function group(key, jobs) {
    const [name] = key.split("\n", 1);
    const rows = h("div", { class: "letters" });
    let shown = 0;
    const show = () => {
      rows.querySelector(":scope > .button")?.remove();
      jobs.slice(shown, shown + (shown ? 200 : SHOWN)).forEach((head) => rows.append(row(head)));
      shown += shown ? 200 : SHOWN;
      if (shown < jobs.length) rows.append(button(`${number(jobs.length - shown)} more`, show, { class: "small" }));
    };
    const element = h(
      "details",
      { class: "card group-card", "data-test": "dead-group", "data-name": name },
      h(
        "summary",
        {},
        h("span", { class: "group-count" }, number(jobs.length)),
        h("span", { class: "group-words" }, h("strong", {}, name), h("span", { class: "message" }, jobs[0].failure ?? jobs[0].state), h("span", { class: "soft" }, jobs.length > 1 ? `last ${ago(jobs[0].ended)}, first ${ago(jobs.at(-1).ended)}` : ago(jobs[0].ended))),
        mayAct() && h("span", { class: "row", onclick: (event) => event.preventDefault() }, button(jobs.length > 1 ? "Retry all" : "Retry", act("retry", jobs), { class: "small", "data-test": "retry-group" }), button(jobs.length > 1 ? "Discard all" : "Discard", act("discard", jobs), { class: "small danger-text", "data-test": "discard-group" })),
      ),
      rows,
    );
    element.addEventListener("toggle", () => {
      if (element.open) open.add(key);
      else open.delete(key);
      if (element.open && shown === 0) show();
    });
    if (open.has(key)) element.open = true;
    return element;
  }

  const row = (head) =>
    h("div", { class: "letter", "data-test": "letter", "data-id": head.id }, sign(head.state), h("a", { class: "mono", href: jobLink(head.id) }, shortId(head.id)), h("span", { class: "message", title: head.failure }, head.failure ?? head.state), h("time", { class: "soft", title: date(head.ended) }, ago(head.ended)), mayAct() && h("span", { class: "row" }, button("Retry", act("retry", [head]), { class: "small plain" }), button("Discard", act("discard", [head]), { class: "small plain" })));

  const refresh = atMost(2000, () =>
    attempt(async () => {
      const got = await get("api/jobs", { dead: "true", limit: MOST });
      heads = got.jobs;
      more = got.more;
      draw();
    }),
  );
  const close = stream("api/events", { open: () => refresh(), change: () => refresh() });
  refresh();
  return {
    refresh,
    close() {
      refresh.stop();
      close();
    },
  };
}
