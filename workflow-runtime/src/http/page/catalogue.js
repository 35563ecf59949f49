// The agents and workflows of the program: what they do, what they take and give, how they are drawn, how they fare.

import { get, getText, once, part } from "./api.js";
import { chart } from "./chart.js";
import { attempt } from "./dialog.js";
import { h, put } from "./dom.js";
import { duration, moment, now, number } from "./format.js";
import { pageKeys } from "./keys.js";
import { firstWords, markdown } from "./markdown.js";
import { picture } from "./picture.js";
import { link } from "./route.js";
import { unsaid } from "./schema.js";
import { schemaView } from "./schema_view.js";
import { mayAct } from "./session.js";
import { folded } from "./step_view.js";
import { grid } from "./table.js";
import { valueView } from "./value.js";

export function open(root, where) {
  const [kind, name] = where.parts;
  attempt(async () => {
    const [catalogue, stats, report] = await Promise.all([once("api/catalogue"), kind === "agents" && name ? get("api/agents") : [], kind === "agents" ? get(asked(name)) : {}]);
    if (!root.isConnected) return;
    const all = kind === "agents" ? catalogue.agents : catalogue.workflows.map((one) => ({ ...one.definition, input: one.input, output: one.output }));
    if (!name) return list(root, kind, all, report);
    const one = all.find((entry) => entry.name === name);
    if (!one) return put(root, h("div", { class: "empty" }, h("h1", {}, `There is no ${kind === "agents" ? "agent" : "workflow"} ${name}`), h("a", { href: `#/${kind}` }, "To all of them")));
    detail(root, kind, one, catalogue, stats.find((entry) => entry.name === name), report[name]);
  });
  return {};
}

/** The report of one agent, or of all of them over the last day. */
const asked = (name) => (name ? `api/report?hours=${HOURS}&agent=${part(name)}` : "api/report");

function list(root, kind, all, report) {
  const agents = kind === "agents";
  const search = h("input", { type: "search", class: "narrow", placeholder: "name or words", "aria-label": "Search", "data-test": "catalogue-search", oninput: () => draw() });
  const counts = (words) => ({ words, number: true });
  const table = grid(agents ? ["Agent", "What it does", ...["Attempts", "Succeeded", "Retries", "Median", "95 % within", "Cents"].map(counts)] : ["Workflow", "What it does", "Phases", counts("Steps")], "entries");
  const cells = (one) => {
    const did = report[one.name]?.whole;
    if (!agents) return [h("span", { class: "soft" }, one.phases.join(" → ")), one.nodes.length];
    return [number(did?.count), did?.count ? `${Math.floor((100 * did.succeeded) / did.count)} %` : "", number(did?.retries), did?.count ? duration(did.p50 * 1000) : "", did?.count ? duration(did.p95 * 1000) : "", did?.cents ? cents(did.cents) : ""];
  };
  const fits = (one) => `${one.name} ${one.description}`.toLowerCase().includes(search.value.toLowerCase());
  const row = (one) => table.row({ "data-test": "entry", "data-name": one.name }, h("a", { class: "name", href: link([kind, one.name]) }, one.name), h("span", { class: "soft words" }, firstWords(one.description)), ...cells(one));
  const draw = () => table.fill(all.filter(fits).map(row));
  put(root, h("div", { class: "head-line" }, h("h1", {}, agents ? "Agents" : "Workflows"), h("span", { class: "soft count" }, all.length)), agents && h("p", { class: "soft" }, "How they did in the last 24 hours, on all machines."), search, table.element);
  pageKeys({ "/": [() => search.focus(), "search"] });
  draw();
}

function detail(root, kind, one, catalogue, stat, report) {
  const agent = kind === "agents";
  const callers = catalogue.workflows.filter((workflow) => workflow.definition.nodes.some((node) => node.kind?.step && [node.kind.step.callee, ...(node.kind.step.or ?? []), node.kind.step.undo?.callee].some((callee) => callee?.name === one.name)));
  const drawn = h("div", { class: "canvas still" });
  if (!agent) {
    attempt(async () => {
      const svg = picture(await getText(`api/workflows/${part(one.name)}/picture`));
      if (svg) put(drawn, svg);
    });
  }
  const options = Object.entries(one.options ?? {});
  const fact = (word, value) => h("div", {}, h("dt", {}, word), h("dd", {}, value));
  put(
    root,
    h("div", { class: "job-head" }, h("a", { class: "soft back", href: `#/${kind}` }, agent ? "Agents" : "Workflows"), h("div", { class: "row title-line" }, h("h1", {}, one.name), h("span", { class: "gap" }), h("a", { class: "button", href: link(["jobs"], new URLSearchParams({ name: one.name })) }, "Its jobs"), mayAct() && h("a", { class: "button primary", href: link(["start", one.name]), "data-test": "start-this" }, "Start"))),
    h("div", { class: "words prose" }, markdown(one.description)),
    h("dl", { class: "facts" }, fact("declared", h("code", {}, `${one.at.file}:${one.at.line}`)), options.map(([name, value]) => fact(name, typeof value === "object" ? Object.entries(value).map(([key, inner]) => `${key} ${inner}`).join(", ") : String(value))), agent && one.needs?.length > 0 && fact("needs", one.needs.join(", ")), callers.length > 0 && fact("called by", callers.map((caller, at) => [at > 0 && ", ", h("a", { href: link(["workflows", caller.definition.name]) }, caller.definition.name)]))),
    stat?.count > 0 && h("dl", { class: "facts stats card" }, fact("attempts", number(stat.count)), fact("succeeded", number(stat.succeeded)), fact("retries", number(stat.retries)), fact("run now", number(stat.active)), fact("median", duration(stat.p50)), fact("95 % within", duration(stat.p95)), fact("99 % within", duration(stat.p99))),
    report && overTime(report),
    !agent && h("section", { class: "card" }, drawn),
    h("div", { class: "pair-of" }, half("Takes", unsaid(one.input, one.description)), half("Gives", one.output)),
  );
  pageKeys({ Escape: [() => (location.hash = `#/${kind}`), "back to the list"] });
}

/** How an agent did in each hour of the last week. */
function overTime(report) {
  const end = Math.floor(now() / HOUR);
  const hours = Array.from({ length: HOURS }, () => null);
  for (const hour of report.hours) {
    const back = end - Math.floor(moment(hour.at) / HOUR);
    if (back >= 0 && back < HOURS) hours[HOURS - 1 - back] = hour;
  }
  const counted = (count) => hours.map((hour) => (hour ? count(hour) : 0));
  const timed = (time) => hours.map((hour) => (hour?.count ? hour[time] * 1000 : null));
  const every = HOUR / 1000;
  const attempts = chart({ title: "Attempts an hour", unit: (value) => number(Math.round(value)), every });
  attempts.update([{ name: "ended", kind: "run", values: counted((hour) => hour.count), area: true }, { name: "not succeeded", kind: "warn", values: counted((hour) => hour.count - hour.succeeded) }]);
  const times = chart({ title: "How long they took", unit: duration, every });
  times.update([{ name: "median", kind: "run", values: timed("p50") }, { name: "95 %", kind: "warn", values: timed("p95") }]);
  const costs = chart({ title: "Cents an hour", unit: cents, every });
  costs.update([{ name: "cents", kind: "run", values: counted((hour) => hour.cents), area: true }]);
  return h("section", { class: "card", "data-test": "report" }, h("h2", {}, "The last seven days"), h("div", { class: "charts" }, attempts.element, times.element, report.whole.cents > 0 && costs.element));
}

const HOUR = 3600 * 1000;
const HOURS = 7 * 24;

/** An amount of money, with as many digits as are worth it. */
const cents = (value) => value.toLocaleString("en", { maximumFractionDigits: value < 10 ? 2 : 0 });

const half = (title, schema) => h("section", { class: "card" }, h("h2", {}, title), schemaView(schema), folded("JSON Schema", () => valueView(schema)));
