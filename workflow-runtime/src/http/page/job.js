// One job: what it is, what can be done to it, and its picture, timeline, steps and records.

import { once } from "./api.js";
import { attempt } from "./dialog.js";
import { button, h, put, say } from "./dom.js";
import { jobActions } from "./actions.js";
import { failureView } from "./failure.js";
import { ago, date, duration, moment, now } from "./format.js";
import { graphTab } from "./graph.js";
import { jobModel, plainPath } from "./job_model.js";
import { pageKeys } from "./keys.js";
import { atMost, every } from "./live.js";
import { recordsTab } from "./records.js";
import { jobLink, link, swap } from "./route.js";
import { mayAct, session } from "./session.js";
import { badge, isOver, rebadge, sign } from "./states.js";
import { folded, logOf, stepDetails } from "./step_view.js";
import { stepsTab } from "./steps.js";
import { timelineTab } from "./timeline.js";
import { valueView } from "./value.js";

const TABS = { graph: "Graph", timeline: "Timeline", steps: "Steps", log: "Log", records: "Records", data: "Input and output" };

export function open(root, where) {
  const id = where.parts[1];
  const model = jobModel(id);
  const acts = jobActions(model);
  let tab = null;
  let name = null;
  let step = null;
  let openChildren = [];
  let drawnActs = "";
  let declared = [];
  // Steps of later phases are not among a job's tasks before their phase begins.
  const plan = async () => {
    const { workflows } = await once("api/catalogue");
    const nodes = workflows.find((one) => one.definition.name === model.view?.name)?.definition.nodes ?? [];
    declared = nodes.filter((node) => !node.parent).map((node) => node.path);
    head();
  };

  const parts = {
    title: h("h1", {}), state: badge("pending"), acts: h("div", { class: "row", "data-test": "acts" }), facts: h("dl", { class: "facts job-facts" }),
    bar: h("div", { class: "overall", role: "img" }), notes: h("div", { class: "notes" }), tabs: h("div", { class: "tabs", role: "tablist" }),
    panel: h("div", { class: "panel", role: "tabpanel", id: "panel", tabindex: "-1" }), inspector: h("aside", { class: "inspector", hidden: true, "aria-label": "The selected step", "data-test": "inspector" }),
  };
  const body = h("div", { class: "job-body" }, parts.panel, parts.inspector);
  put(root, h("p", { class: "soft loading" }, "Loading …"));

  function frame() {
    put(
      root,
      h("div", { class: "job-head" }, h("a", { class: "soft back", href: "#/jobs" }, "Jobs"), h("div", { class: "row title-line" }, parts.title, parts.state, h("span", { class: "gap" }), parts.acts), parts.facts, parts.bar),
      parts.notes,
      parts.tabs,
      body,
    );
    put(
      parts.tabs,
      Object.entries(TABS).map(([key, words]) => h("a", { role: "tab", href: link(["jobs", id, key], where.query), id: `tab-${key}`, "data-tab": key, "data-test": `tab-${key}`, "aria-controls": "panel" }, words)),
    );
    document.title = `${model.view.name} · ${session().program}`;
  }

  /** The address says which tab is shown, which step is selected, and which children are opened. */
  function follow(next) {
    where = next;
    if (!model.view) return;
    step = where.query.get("step");
    openChildren = where.query.getAll("open");
    const wish = where.parts[2] in TABS ? where.parts[2] : "graph";
    parts.tabs.querySelectorAll("a").forEach((a) => {
      a.setAttribute("aria-selected", String(a.dataset.tab === wish));
      a.href = link(["jobs", id, a.dataset.tab], where.query);
    });
    if (wish !== name) {
      tab?.close?.();
      name = wish;
      tab = made(wish);
      parts.panel.setAttribute("aria-labelledby", `tab-${wish}`);
      parts.panel.className = `panel panel-${wish}`;
      put(parts.panel, tab.element);
    }
    tab.update();
    inspect(true);
  }

  function made(wish) {
    const how = { select, selected: () => step, opened: () => openChildren, setOpened, narrowed: () => inspect(false) };
    if (wish === "timeline") return timelineTab(model, how);
    if (wish === "steps") return stepsTab(model, acts);
    if (wish === "records" || wish === "log") return recordsTab(model, wish);
    if (wish === "data") return dataTab();
    return graphTab(model, how);
  }

  const change = (edit) => {
    const query = new URLSearchParams(where.query);
    edit(query);
    swap(["jobs", id, name], query);
  };
  const select = (path) => change((query) => (path === null || path === step ? query.delete("step") : query.set("step", path)));
  function setOpened(paths) {
    where.query.delete("open");
    paths.forEach((path) => where.query.append("open", path));
  }

  function dataTab() {
    const element = h("div", { class: "data" });
    let is = "";
    return {
      element,
      update() {
        const { view } = model;
        if (is === view.state) return;
        is = view.state;
        const whole = (what) => async () => (await model.whole())[what];
        put(
          element,
          h("section", {}, h("h2", {}, "Input"), view.input === null ? h("p", { class: "soft" }, "It was put together in code.") : valueView(view.input, { whole: whole("input"), name: `${view.name}-input` })),
          h("section", {}, h("h2", {}, "Output"), view.state === "succeeded" ? valueView(view.output, { whole: whole("output"), name: `${view.name}-output` }) : h("p", { class: "soft" }, isOver(view.state) ? "It gave nothing." : "Not yet.")),
        );
      },
    };
  }

  let inspected = "";
  /** The panel beside the picture and the timeline: the steps that are meant by the selected path. */
  function inspect(moved) {
    const shows = step !== null && (name === "graph" || name === "timeline");
    parts.inspector.hidden = !shows;
    body.classList.toggle("split", shows);
    if (!shows) return void (inspected = "");
    const all = name === "graph" ? tab.groups().get(step) ?? [] : model.view.steps.filter((one) => one.path === step || plainPath(one.path) === step).map((one) => ({ step: one, job: id }));
    const is = JSON.stringify([step, all, all.map((one) => (one.job === id ? logOf(model, one.step).length : 0))]);
    if (is === inspected) return;
    inspected = is;
    const remembered = new Set([...parts.inspector.querySelectorAll("details[open][data-key]")].map((one) => one.dataset.key));
    const one = ({ step: inner, job }) => (job === id ? stepDetails(model, inner, acts) : h("div", {}, h("p", { class: "soft" }, "in ", h("a", { href: jobLink(job) }, "the job inside")), stepDetails({ view: { name: "", state: "running", steps: [] }, lines: [], whole: async () => ({ steps: [] }) }, inner, acts)));
    put(
      parts.inspector,
      h("div", { class: "row inspector-head" }, h("h2", {}, h("code", {}, step)), h("span", { class: "gap" }), button("×", () => select(null), { class: "plain", "aria-label": "Close" })),
      all.length === 0 && h("p", { class: "soft" }, "Nothing has happened to it yet."),
      all.length === 1 && one(all[0]),
      all.length > 1 && h("p", { class: "soft" }, `${all.length} of it:`),
      all.length > 1 && sorted(all).slice(0, 60).map((entry) => folded(h("span", { class: "step-line" }, sign(entry.step.state), h("code", {}, entry.step.path)), () => one(entry), remembered.has(`${entry.job} ${entry.step.task}`), { "data-key": `${entry.job} ${entry.step.task}` })),
      all.length > 60 && h("p", { class: "soft" }, `and ${all.length - 60} more; the steps list has them all`),
    );
    if (moved) parts.inspector.scrollTop = 0;
  }
  const WORST = ["failed", "expired", "retrying", "running", "waiting", "queued"];
  const rank = ({ step: one }) => (WORST.indexOf(one.state) + 1 || 99);
  const sorted = (all) => [...all].sort((a, b) => rank(a) - rank(b));

  function head() {
    const { view } = model;
    say(parts.title, view.name);
    parts.state = rebadge(parts.state, view.state);
    const key = `${view.state} ${view.settled} ${view.steps.some((one) => one.state === "waiting")}`;
    if (mayAct() && key !== drawnActs) {
      drawnActs = key;
      put(parts.acts, acts.buttons(view));
    }
    const end = moment(view.ended) ?? now();
    const facts = [
      ["id", h("button", { type: "button", class: "link mono", title: "Copy", onclick: () => navigator.clipboard?.writeText(view.id) }, view.id)],
      ["submitted", h("span", { title: date(view.submitted) }, ago(view.submitted))],
      ["took", view.begun || view.ended ? duration(end - moment(view.begun ?? view.submitted)) : "not begun"],
      ["queue", h("a", { href: "#/queues" }, view.queue)],
      view.priority && ["priority", view.priority],
      view.unique && ["unique", view.unique],
      view.not_before && !view.begun && ["begins", ago(view.not_before)],
      view.tags?.length > 0 && ["tags", view.tags.map((tag) => h("a", { class: "tag", href: link(["jobs"], new URLSearchParams({ tag })) }, tag))],
      view.parent && ["inside of", h("a", { href: jobLink(view.parent.job) }, "another job")],
      view.settled && ["dead letter", "settled"],
    ].filter(Boolean);
    put(parts.facts, facts.map(([word, fact]) => h("div", {}, h("dt", {}, word), h("dd", {}, fact))));
    overall(view);
    notes(view);
  }

  /** How many steps stand where, as one bar. */
  function overall(view) {
    const known = new Set(view.steps.map((one) => plainPath(one.path)));
    const ahead = isOver(view.state) ? 0 : declared.filter((path) => !known.has(path)).length;
    const steps = view.steps.filter((one) => one.state !== "skipped");
    const count = (states) => steps.filter((one) => states.includes(one.state)).length;
    const shares = [["succeeded", count(["succeeded", "compensated"])], ["failed", count(["failed", "expired", "cancelled"])], ["running", count(["running", "retrying", "compensating"])], ["waiting", count(["waiting"])]];
    const words = shares.filter(([, many]) => many > 0).map(([state, many]) => `${many} ${state}`).join(", ");
    parts.bar.setAttribute("aria-label", `${steps.length} steps: ${words}`);
    parts.bar.title = `${steps.length} steps: ${words}`;
    put(parts.bar, shares.map(([state, many]) => many > 0 && h("span", { class: `span-${state}`, style: { flexGrow: many } })), h("span", { class: "rest", style: { flexGrow: Math.max(0, ahead + steps.length - shares.reduce((sum, [, many]) => sum + many, 0)) } }));
  }

  let noted = "";
  function notes(view) {
    const is = JSON.stringify([view.why, view.misfit, view.parked, view.said, model.failed?.message]);
    if (is === noted) return;
    noted = is;
    const words = { paused: () => "paused", resumed: () => "resumed", signalled: (one) => h("span", {}, "signalled ", h("code", {}, one.event)), stopped: (one) => `told to stop: ${one.why}` };
    put(
      parts.notes,
      model.failed && h("p", { class: "problem" }, model.failed.message),
      view.why && failureView(view.why, (path) => h("a", { class: "mono", href: link(["jobs", id, "graph"], new URLSearchParams({ step: plainPath(path) })) }, path)),
      (view.parked || view.misfit) && h("div", { class: "failure parked", "data-test": "parked" }, h("strong", {}, view.parked ? "Parked: this program cannot go on with it" : "This program does not know the job's steps"), h("p", { class: "message" }, view.parked ?? view.misfit)),
      view.said.length > 0 && folded(`Said to it from outside: ${view.said.length}`, () => h("ul", { class: "said" }, view.said.map((one) => h("li", {}, h("time", { class: "soft" }, date(one.at)), " ", words[one.what]?.(one) ?? one.what, one.value !== undefined && one.value !== null && valueView(one.value)))), view.said.length < 3, { "data-test": "said" }),
    );
  }

  function nothing(error) {
    put(root, h("div", { class: "empty" }, h("h1", {}, error.status === 404 ? "There is no such job" : "The job cannot be shown"), h("p", {}, error.message), h("p", {}, h("a", { href: "#/jobs" }, "To the jobs"))));
  }

  const soon = atMost(120, async () => tab?.paint?.() ?? tab?.update());
  const stop = model.listen((what) => {
    if (!model.view) return nothing(model.failed);
    if (what === "view" && !name) {
      frame();
      head();
      attempt(plan);
      return follow(where);
    }
    if (what === "lines") return tab?.lines?.();
    if (what === "progress") return soon();
    head();
    if (what === "view") {
      tab.update();
      inspect(false);
    }
  });
  const ticking = every(1000, () => model.view && !isOver(model.view.state) && (head(), name === "steps" && tab.update()));
  const turn = (by) => () => {
    const keys = Object.keys(TABS);
    swap(["jobs", id, keys[(keys.indexOf(name) + by + keys.length) % keys.length]], where.query);
  };
  pageKeys({ "]": [turn(1), "the next tab"], "[": [turn(-1), "the tab before"], Escape: [() => step !== null && select(null), "closes the selected step"] });
  model.start();

  return {
    update: follow,
    refresh: model.refresh,
    close() {
      stop();
      soon.stop();
      ticking();
      tab?.close?.();
      model.close();
    },
  };
}
