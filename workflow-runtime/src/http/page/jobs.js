// The jobs, newest first. Pages come as one scrolls; what is seen is asked for again when something changed.

import { get } from "./api.js";
import { bulkBar } from "./bulk.js";
import { attempt } from "./dialog.js";
import { button, h, put, say } from "./dom.js";
import { asked, filterBar, isNarrow } from "./filters.js";
import { ago, date, duration, moment, now, number } from "./format.js";
import { pageKeys } from "./keys.js";
import { virtualList } from "./list.js";
import { atMost, every, stream } from "./live.js";
import { go, jobLink } from "./route.js";
import { mayAct } from "./session.js";
import { badge, isOver, rebadge } from "./states.js";

const PAGE = 200;
const narrow = matchMedia("(max-width: 720px)");

export function open(root, where) {
  let query = where.query;
  let heads = [];
  let more = true;
  let loading = false;
  let turn = 0;
  let at = -1;
  let stopped = false;

  const picked = new Map();
  const bar = filterBar(query);
  const count = h("span", { class: "soft count", "data-test": "count", role: "status" });
  const fresh = button("New jobs ↑", () => (list.box.scrollTop = 0, restart()), { class: "pill", hidden: true, "data-test": "fresh" });
  const empty = h("div", { class: "empty", hidden: true });
  const list = virtualList({ height: () => (narrow.matches ? 66 : 38), make: makeRow, update: updateRow, key: (head) => head.id, near: () => page(), label: "Jobs" });
  const all = h("input", { type: "checkbox", "aria-label": "Select all that are loaded", "data-test": "select-all", onchange: () => pickAll(all.checked) });
  const bulk = bulkBar(picked, { clear: () => pickAll(false), everything: loadAll, done: () => restart() });
  const columns = h("div", { class: "job-row head", role: "row" }, mayAct() && h("span", { role: "columnheader" }, all), ["State", "Name", "Queue", "Tags", "Submitted", "Took"].map((word) => h("span", { role: "columnheader" }, word)));
  const table = h("div", { class: "table", role: "table", "aria-label": "Jobs", "data-test": "jobs" }, h("div", { role: "rowgroup" }, columns), list.box, empty);
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Jobs"), count, fresh), bar.element, bulk.element, table);
  table.classList.toggle("picks", mayAct());

  function makeRow(head) {
    const pick = h("input", { type: "checkbox", "aria-label": `Select ${head.name}`, "data-test": "pick", onclick: (event) => choose(head.id, pick.checked, event.shiftKey) });
    const parts = {
      pick,
      state: badge(head.state),
      name: h("a", { class: "name", href: jobLink(head.id) }, head.name),
      note: h("span", { class: "note" }),
      queue: h("span", {}),
      tags: h("span", { class: "tags" }),
      submitted: h("time", { datetime: head.submitted, title: date(head.submitted) }),
      took: h("span", { class: "number" }),
    };
    const cell = (...inside) => h("span", { role: "cell" }, inside);
    const row = h(
      "div",
      { class: "job-row", role: "row", "data-test": "job", "data-id": head.id, onclick: (event) => event.target.closest("a, input") || window.getSelection().toString() || go(["jobs", head.id]) },
      mayAct() && h("span", { role: "cell", onclick: (event) => event.stopPropagation() }, h("label", { class: "pick" }, pick)),
      cell(parts.state),
      h("span", { role: "cell", class: "what" }, parts.name, parts.note),
      cell(parts.queue),
      cell(parts.tags),
      cell(parts.submitted),
      cell(parts.took),
    );
    row.parts = parts;
    return row;
  }

  function updateRow(row, head, index) {
    const { parts } = row;
    row.setAttribute("aria-rowindex", index + 2);
    row.classList.toggle("current", index === at);
    row.classList.toggle("picked", picked.has(head.id));
    parts.pick.checked = picked.has(head.id);
    say(parts.submitted, ago(head.submitted));
    const end = head.ended ? moment(head.ended) : now();
    say(parts.took, head.state === "pending" || head.state === "scheduled" ? "" : duration(end - moment(head.submitted)));
    if (row.head === head) return;
    row.head = head;
    parts.state = rebadge(parts.state, head.state);
    row.dataset.state = head.state;
    say(parts.note, head.parked ? `parked: ${head.parked}` : head.failure ?? (head.state === "scheduled" && head.not_before ? `begins ${ago(head.not_before)}` : ""));
    parts.note.classList.toggle("warn", Boolean(head.parked));
    parts.note.title = parts.note.textContent;
    say(parts.queue, head.queue);
    put(parts.tags, (head.tags ?? []).slice(0, 3).map((tag) => h("span", { class: "tag", title: tag }, tag)), head.parent && h("span", { class: "tag soft" }, "inside"), head.settled && h("span", { class: "tag soft" }, "settled"));
  }

  const oldest = () => query.get("oldest") === "true";

  /** Whether a job comes after one of this id in the list. */
  const beyond = (id) => (head) => (oldest() ? head.id > id : head.id < id);

  /** The next page, if there is one. */
  async function page() {
    if (loading || !more || stopped) return;
    loading = true;
    const mine = turn;
    try {
      const before = heads.at(-1)?.id;
      const got = await get("api/jobs", { ...asked(query), [oldest() ? "after" : "before"]: before, limit: PAGE });
      if (mine !== turn || stopped) return;
      // Some of them may have come meanwhile with what is seen.
      const last = heads.at(-1)?.id;
      heads = heads.concat(last ? got.jobs.filter(beyond(last)) : got.jobs);
      more = got.more;
      shownNow();
    } catch (error) {
      if (mine === turn && error.status !== 401) tell(error.message);
    } finally {
      if (mine === turn) loading = false;
    }
  }

  function restart() {
    turn += 1;
    // No next page is asked for until the first is there.
    loading = true;
    more = true;
    fresh.hidden = true;
    const mine = turn;
    // What is there stays until something else is.
    attempt(async () => {
      const got = await get("api/jobs", { ...asked(query), limit: PAGE }).finally(() => {
        if (mine === turn) loading = false;
      });
      if (mine !== turn || stopped) return;
      heads = got.jobs;
      more = got.more;
      list.box.scrollTop = 0;
      at = Math.min(at, heads.length - 1);
      shownNow();
    });
  }

  function shownNow() {
    list.set(heads);
    say(count, heads.length ? `${number(heads.length)}${more ? "+" : ""}` : "");
    empty.hidden = heads.length > 0;
    if (heads.length === 0) tell(isNarrow(query) ? "No job is like that." : "There are no jobs yet.");
  }

  function tell(words) {
    empty.hidden = heads.length > 0;
    put(empty, h("p", {}, words), heads.length === 0 && mayAct() && !isNarrow(query) && h("a", { class: "button primary", href: "#/start" }, "Start a job"));
  }

  /** Asks again for what is seen, and puts it in the place of what was there. */
  const refresh = atMost(1000, () =>
    attempt(async () => {
      if (stopped || heads.length === 0) return restart();
      const mine = turn;
      const [seen, end] = list.seen();
      const first = Math.max(0, seen - 10);
      const cursor = first > 0 ? heads[first - 1].id : undefined;
      const got = await get("api/jobs", { ...asked(query), [oldest() ? "after" : "before"]: cursor, limit: Math.min(1000, end - first + 30) });
      // Where it was asked from must still be there: meanwhile another question may have been answered.
      if (mine !== turn || stopped || heads[first - 1]?.id !== cursor) return;
      const known = new Map(heads.map((head) => [head.id, head]));
      const jobs = got.jobs.map((head) => same(known.get(head.id), head));
      const last = jobs.at(-1)?.id;
      let rest = got.more && last ? heads.findIndex(beyond(last)) : -1;
      if (rest < 0) rest = heads.length;
      const current = heads[at]?.id;
      heads = heads.slice(0, first).concat(jobs, heads.slice(rest));
      if (!got.more) more = false;
      if (current) at = heads.findIndex((head) => head.id === current);
      shownNow();
    }),
  );

  /** The same object if nothing changed, so that its row is left alone. */
  const same = (old, head) => (old && old.state === head.state && JSON.stringify(old) === JSON.stringify(head) ? old : head);

  let mark = null;
  function choose(id, on, range) {
    const place = heads.findIndex((head) => head.id === id);
    const from = range && mark !== null ? heads.findIndex((head) => head.id === mark) : place;
    const [low, high] = [Math.min(from, place), Math.max(from, place)];
    for (const head of heads.slice(low < 0 ? place : low, high + 1)) on ? picked.set(head.id, head) : picked.delete(head.id);
    mark = id;
    bulk.update(more);
    list.redraw();
  }

  function pickAll(on) {
    picked.clear();
    if (on) heads.forEach((head) => picked.set(head.id, head));
    all.checked = on;
    bulk.update(more);
    list.redraw();
  }

  async function loadAll() {
    while (more && heads.length < 10000 && !stopped) await page();
    pickAll(true);
  }

  const move = (step) => () => {
    if (heads.length === 0) return;
    at = Math.max(0, Math.min(heads.length - 1, at + step));
    list.show(at)?.querySelector("a.name").focus({ preventScroll: true });
  };
  pageKeys({
    "/": [() => bar.search.focus(), "search"],
    j: [move(1), "the next job, as ↓"],
    k: [move(-1), "the job before, as ↑"],
    ArrowDown: [move(1)],
    ArrowUp: [move(-1)],
    Enter: [() => heads[at] && go(["jobs", heads[at].id]), "opens the job"],
    x: [() => heads[at] && mayAct() && choose(heads[at].id, !picked.has(heads[at].id), false), "selects the job"],
    Escape: [() => pickAll(false), "selects nothing"],
  });

  const close = stream("api/events", {
    open: () => refresh(),
    change: (change) => {
      if (list.box.scrollTop > 200 && change.jobs > 0) fresh.hidden = false;
      refresh();
    },
  });
  const ticking = every(1000, () => heads.some((head) => !isOver(head.state)) && list.redraw());
  const turned = () => list.redraw();
  narrow.addEventListener("change", turned);
  restart();

  return {
    update(next) {
      query = next.query;
      bar.update(query);
      pickAll(false);
      restart();
    },
    refresh,
    close() {
      stopped = true;
      refresh.stop();
      close();
      ticking();
      list.close();
      narrow.removeEventListener("change", turned);
    },
  };
}
