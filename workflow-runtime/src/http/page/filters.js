// What the list of jobs is narrowed to. It is kept in the address, so that it can be sent to somebody.

import { button, h, put } from "./dom.js";
import { once } from "./api.js";
import { attempt } from "./dialog.js";
import { now } from "./format.js";
import { swap } from "./route.js";
import { JOB_STATES, sign } from "./states.js";

const PLAIN = ["name", "tag", "queue", "text", "parent"];
const SPANS = { "15m": 900, "1h": 3600, "24h": 86400, "7d": 604800, "30d": 2592000 };

/** What is asked of the server for what stands in the address. */
export function asked(query) {
  const ask = { state: query.getAll("state") };
  for (const name of PLAIN) ask[name] = query.get(name);
  for (const name of ["dead", "parked", "oldest"]) ask[name] = query.get(name) === "true" ? "true" : null;
  const span = SPANS[query.get("last")];
  ask.since = span ? new Date(now() - span * 1000).toISOString() : iso(query.get("since"));
  ask.until = iso(query.get("until"));
  return ask;
}

function iso(text) {
  const at = text ? Date.parse(text) : NaN;
  return Number.isNaN(at) ? null : new Date(at).toISOString();
}

export const isNarrow = (query) => [...query.keys()].length > 0;

/** The bar of filters: gives its element and a function that shows other filters in it. */
export function filterBar(query) {
  let current = query;
  const change = (edit) => {
    const next = new URLSearchParams(current);
    edit(next);
    swap(["jobs"], next);
  };
  const put1 = (name, value) => change((next) => (value ? next.set(name, value) : next.delete(name)));
  const slowly = (name) => {
    let timer = null;
    return (event) => {
      const value = event.target.value.trim();
      clearTimeout(timer);
      timer = setTimeout(() => put1(name, value), 250);
    };
  };
  const field = (name, label, attributes = {}) => {
    const input = h("input", { id: `filter-${name}`, "data-test": `filter-${name}`, oninput: slowly(name), spellcheck: "false", autocomplete: "off", ...attributes });
    return [input, h("label", { class: "filter" }, h("span", {}, label), input)];
  };
  const [text, textField] = field("text", "Search", { type: "search", "aria-label": "Search", placeholder: "failure, name, tag or id" });
  const [name, nameField] = field("name", "Name", { list: "names", placeholder: "any" });
  const [tag, tagField] = field("tag", "Tag", { placeholder: "any" });
  const [queue, queueField] = field("queue", "Queue", { list: "queue-names", placeholder: "any" });
  const names = h("datalist", { id: "names" });
  const queues = h("datalist", { id: "queue-names" });
  attempt(async () => {
    const catalogue = await once("api/catalogue");
    put(names, [...catalogue.workflows.map((one) => one.definition.name), ...catalogue.agents.map((one) => one.name)].map((value) => h("option", { value })));
    put(queues, (await once("api/queues")).queues.map((one) => h("option", { value: one.name })));
  });
  const last = h(
    "select",
    {
      "data-test": "filter-last",
      onchange: () =>
        change((next) => {
          ["last", "since", "until"].forEach((one) => next.delete(one));
          if (last.value === "between") next.set("since", new Date(now() - 3600000).toISOString().slice(0, 16) + "Z");
          else if (last.value) next.set("last", last.value);
        }),
    },
    [["", "any time"], ["15m", "last 15 minutes"], ["1h", "last hour"], ["24h", "last 24 hours"], ["7d", "last 7 days"], ["30d", "last 30 days"], ["between", "between …"]].map(
      ([value, words]) => h("option", { value }, words),
    ),
  );
  const at = (which, label) => h("input", { type: "datetime-local", "aria-label": label, "data-test": `filter-${which}`, onchange: (event) => put1(which, local(event.target.value)) });
  const since = at("since", "Submitted after");
  const until = at("until", "Submitted before");
  const between = h("span", { class: "between", hidden: true }, since, h("span", { class: "soft" }, "to"), until);
  const toggle = (name, words, title) =>
    h("button", { type: "button", class: "chip", "aria-pressed": "false", title, "data-test": `filter-${name}`, onclick: () => put1(name, current.get(name) ? null : "true") }, words);
  const dead = toggle("dead", "dead letters", "Failed for good, and nobody has looked after them");
  const parked = toggle("parked", "parked", "This program does not fit them, and waits");
  const oldest = toggle("oldest", "oldest first", "The oldest first");
  const states = JOB_STATES.map((state) =>
    h(
      "button",
      {
        type: "button", class: "chip", "aria-pressed": "false", "data-state": state, "data-test": `state-${state}`,
        onclick: () =>
          change((next) => {
            const on = next.getAll("state");
            next.delete("state");
            (on.includes(state) ? on.filter((one) => one !== state) : [...on, state]).forEach((one) => next.append("state", one));
          }),
      },
      sign(state),
      state,
    ),
  );
  const clear = button("Clear", () => swap(["jobs"], new URLSearchParams()), { class: "plain", "data-test": "filter-clear" });
  const parent = h("span", { class: "chip on", hidden: true });

  const update = (next) => {
    current = next;
    for (const input of [text, name, tag, queue]) {
      const value = next.get(input.id.replace("filter-", "")) ?? "";
      if (document.activeElement !== input && input.value !== value) input.value = value;
    }
    const on = new Set(next.getAll("state"));
    states.forEach((chip) => chip.setAttribute("aria-pressed", String(on.has(chip.dataset.state))));
    for (const [chip, key] of [[dead, "dead"], [parked, "parked"], [oldest, "oldest"]]) chip.setAttribute("aria-pressed", String(next.get(key) === "true"));
    const ranged = next.has("since") || next.has("until");
    last.value = ranged ? "between" : next.get("last") ?? "";
    between.hidden = !ranged;
    since.value = shown(next.get("since"));
    until.value = shown(next.get("until"));
    parent.hidden = !next.get("parent");
    put(parent, "jobs inside of one other job");
    clear.hidden = !isNarrow(next);
  };
  update(query);
  const opener = h("button", { type: "button", class: "button opener", "aria-expanded": "false", "data-test": "filters", onclick: () => {
    const open = element.classList.toggle("open");
    opener.setAttribute("aria-expanded", String(open));
  } }, "Filters");
  const chips = h("div", { class: "chips", role: "group", "aria-label": "State" }, states, h("span", { class: "gap" }), dead, parked, oldest, parent, clear);
  const lastField = h("label", { class: "filter" }, h("span", {}, "Submitted"), last);
  const element = h("div", { class: "filter-bar", role: "search" }, h("div", { class: "filters" }, textField, opener, nameField, tagField, queueField, lastField, between), chips, names, queues);
  return { element, update, search: text };
}
/** What a field for local time shows of a moment. */
function shown(text) {
  const at = text ? Date.parse(text) : NaN;
  if (Number.isNaN(at)) return "";
  return new Date(at - new Date(at).getTimezoneOffset() * 60000).toISOString().slice(0, 16);
}

const local = (text) => (text ? new Date(text).toISOString() : null);
