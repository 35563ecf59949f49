// When what happened: a row for each step, a bar for each attempt, and between them what it waited for.

import { h, put } from "./dom.js";
import { clock, duration, moment, now } from "./format.js";
import { virtualList } from "./list.js";
import { treeOrder } from "./job_model.js";
import { every } from "./live.js";
import { isOver, sign } from "./states.js";

const STEPS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1e3, 2e3, 5e3, 1e4, 15e3, 3e4, 6e4, 12e4, 3e5, 6e5, 18e5, 36e5, 72e5, 216e5, 432e5, 864e5, 6048e5];

export function timelineTab(model, { select, selected }) {
  let from = 0;
  let to = 1;
  let zoom = 1;
  const axis = h("div", { class: "axis", "aria-hidden": "true" });
  const grid = h("div", { class: "grid-lines", "aria-hidden": "true" });
  const list = virtualList({ height: () => 30, make, update, key: (row) => row.step.task, label: "Timeline" });
  const waits = h("input", { type: "checkbox", id: "short-waits", onchange: () => refresh() });
  const legend = [["running", "runs"], ["succeeded", "done"], ["failed", "failed"], ["queued", "waits for its turn"], ["retrying", "waits to be tried again"], ["waiting", "waits for an event, a timer or a job"]];
  const element = h(
    "div",
    { class: "timeline", "data-test": "timeline" },
    h("div", { class: "row tab-tools legend" }, legend.map(([state, words]) => h("span", { class: "soft" }, h("span", { class: `swatch span-${state}` }), words)), h("span", { class: "gap" }), h("label", { class: "row", for: "short-waits" }, waits, "squeeze long waits")),
    h("div", { class: "gantt" }, axis, grid, list.box),
  );
  let squeeze = (at) => at;

  /** The moments between which nothing runs are made short, if that is asked for. */
  function squeezed(steps, end) {
    if (!waits.checked) return (at) => at;
    const busy = steps.flatMap((step) => step.attempts.map((attempt) => [moment(attempt.began), moment(attempt.ended) ?? end])).sort((a, b) => a[0] - b[0]);
    const gaps = [];
    let until = busy[0]?.[0] ?? from;
    for (const [begin, over] of busy) {
      if (begin - until > 0) gaps.push([until, begin]);
      until = Math.max(until, over);
    }
    if (end > until) gaps.push([until, end]);
    const work = end - from - gaps.reduce((sum, [a, b]) => sum + b - a, 0);
    const most = Math.max(work * 0.08, 1);
    const cuts = gaps.filter(([a, b]) => b - a > most).map(([a, b]) => [a, b, b - a - most]);
    return (at) => {
      let less = 0;
      for (const [a, b, gone] of cuts) {
        if (at >= b) less += gone;
        else if (at > a) less += (gone * (at - a)) / (b - a);
      }
      return at - less;
    };
  }

  const place = (at) => (100 * (squeeze(at) - squeeze(from))) / Math.max(1, squeeze(to) - squeeze(from));

  function make() {
    const row = h("div", { class: "gantt-row", role: "row", "data-test": "timeline-row", onclick: () => select(row.step.path) });
    row.name = h("button", { type: "button", class: "gantt-name" });
    row.track = h("div", { class: "gantt-track" });
    row.append(row.name, row.track);
    return row;
  }

  function update(row, { step, depth, end }) {
    const is = `${scaleKey} ${step.ended ? "" : to} ${selected() === step.path}`;
    if (row.step === step && row.is === is) return;
    row.is = is;
    if (row.step !== step) put(row.name, sign(step.state), h("span", { style: { paddingLeft: `${depth * 14}px` } }, shortName(step.path)));
    row.step = step;
    row.dataset.path = step.path;
    row.name.title = step.path;
    row.classList.toggle("selected", selected() === step.path);
    put(row.track, spans(step, end).map(bar));
  }

  function bar([kind, begin, over, words]) {
    const left = place(begin);
    const title = `${words}: ${clock(new Date(begin).toISOString())}, ${duration(over - begin)}`;
    return h("span", { class: `span span-${kind}`, title, style: { left: `${left}%`, width: `max(2px, ${place(over) - left}%)` } });
  }

  let scaleKey = "";
  function refresh() {
    const { view } = model;
    from = moment(view.submitted);
    to = Math.max(moment(view.ended) ?? now(), from + 1);
    squeeze = squeezed(view.steps, to);
    scaleKey = `${from} ${isOver(view.state) ? to : ""} ${waits.checked} ${zoom}`;
    const ends = formEnds(view.steps, to);
    const rows = treeOrder(view.steps).filter((step) => step.since !== null || !isOver(step.state)).map((step) => ({ step, depth: step.path.split("/").length - 1, end: ends.get(step.path) ?? to }));
    list.box.style.height = `${Math.max(2, rows.length) * 30 + 2}px`;
    list.set(rows);
    ruler();
  }

  function ruler() {
    const span = to - from;
    const wide = axis.lastElementChild?.clientWidth || 600;
    const step = waits.checked ? Infinity : STEPS.find((one) => (one / span) * wide > 78) ?? STEPS.at(-1);
    const marks = [];
    for (let at = 0; at <= span && marks.length < 40; at += step) {
      marks.push(h("span", { class: "tick", style: { left: `${place(from + at)}%` } }, at === 0 ? "0" : duration(at)));
      if (step === Infinity) break;
    }
    put(axis, h("div", { class: "soft gantt-name" }, `from ${clock(model.view.submitted).slice(0, 8)}`), h("div", { class: "gantt-track" }, marks));
    put(grid, marks.map((mark) => h("span", { style: { left: mark.style.left } })), !isOver(model.view.state) && h("span", { class: "now", style: { left: "100%" } }));
  }

  const ticking = every(1000, () => model.view && !isOver(model.view.state) && refresh());
  const resized = new ResizeObserver(() => model.view && ruler());
  resized.observe(element);
  return { element, update: refresh, paint: refresh, close: () => (ticking(), resized.disconnect(), list.close()) };
}

/** The last part of a path, with the place in a list that it belongs to. */
function shortName(path) {
  const parts = path.split("/");
  const place = /\[\d+\]$/.exec(parts.at(-2) ?? "")?.[0];
  if (parts[0] === "undo") return `undo ${parts.slice(1).join("/")}`;
  return place ? `${place} ${parts.at(-1)}` : parts.at(-1);
}

/** A form ends with the last of what is in it; its own record does not say when. */
function formEnds(steps, to) {
  const ends = new Map();
  for (const step of steps) {
    const end = moment(step.ended) ?? (isOver(step.state) ? moment(step.attempts.at(-1)?.ended) : to);
    const parts = step.path.split("/");
    for (let depth = parts.length; depth > 0; depth -= 1) {
      for (const path of [parts.slice(0, depth).join("/"), parts.slice(0, depth).join("/").replace(/\[\d+\]$/, "")]) {
        if (end !== null) ends.set(path, Math.max(ends.get(path) ?? 0, end));
      }
    }
  }
  return ends;
}

/** What a step did when: `[kind, from, to, words]`. */
function spans(step, end) {
  const since = moment(step.since);
  if (since === null) return [];
  const over = moment(step.ended) ?? end;
  if (step.attempts.length === 0) {
    const kind = step.state === "waiting" ? "waiting" : isOver(step.state) ? "form" : "queued";
    return [[kind === "queued" && step.state === "running" ? "form" : kind, since, over, step.state]];
  }
  const found = [];
  const began = moment(step.attempts[0].began);
  if (began > since) found.push(["queued", since, began, "waited for its turn"]);
  step.attempts.forEach((attempt, place) => {
    const begin = moment(attempt.began);
    const stop = moment(attempt.ended) ?? over;
    const state = attempt.failure ? "failed" : attempt.lost ? "lost" : attempt.ended ? "succeeded" : step.child ? "waiting" : "running";
    found.push([state, begin, stop, `attempt ${place + 1}, ${attempt.failure ? `failed: ${attempt.failure.message.slice(0, 200)}` : state}`]);
    const next = step.attempts[place + 1];
    const until = next ? moment(next.began) : step.state === "retrying" ? end : null;
    if (until !== null && until > stop) found.push(["retrying", stop, until, "waited to be tried again"]);
  });
  const last = moment(step.attempts.at(-1).ended);
  if (last !== null && step.state === "waiting") found.push(["waiting", last, over, "waits for its subtasks"]);
  return found;
}
