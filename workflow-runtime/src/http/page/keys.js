// The keyboard. A page adds what it has; keys that are typed into a field stay there.

import { h } from "./dom.js";
import { show } from "./dialog.js";
import { go } from "./route.js";

const PLACES = {
  j: ["jobs", "jobs"], n: ["start", "start a job"], d: ["dead", "dead letters"], q: ["queues", "queues"], s: ["schedules", "schedules"],
  w: ["workflows", "workflows"], a: ["agents", "agents"], m: ["nodes", "nodes (machines)"], u: ["audit", "audit"],
};

let page = {};
let first = null;
let forget = null;

/** What keys do on the page that is shown: `{ j: [act, "the next job"] }`. The help tells of those that have words. */
export function pageKeys(keys) {
  page = keys;
}

const typing = (target) => target.matches?.("input:not([type=checkbox]):not([type=radio]), textarea, select, [contenteditable]");

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.key === "Escape" && typing(event.target)) return event.target.blur();
  if (typing(event.target)) return;
  if (first === "g") {
    first = null;
    const place = PLACES[event.key];
    if (place) {
      event.preventDefault();
      go([place[0]]);
    }
    return;
  }
  if (event.key === "g") {
    first = "g";
    clearTimeout(forget);
    forget = setTimeout(() => (first = null), 1200);
    return;
  }
  if (event.key === "?") {
    event.preventDefault();
    return help();
  }
  const act = page[event.key]?.[0];
  // Enter on a button or a link is theirs.
  if (!act || (event.key === "Enter" && event.target.closest("a, button, summary, [role=button]"))) return;
  event.preventDefault();
  act(event);
});

const line = (keys, words) => h("div", {}, h("dt", {}, keys.map((key) => h("kbd", {}, key))), h("dd", {}, words));

export function help() {
  const here = Object.entries(page).filter(([, [, words]]) => words).map(([key, [, words]]) => line([key], words));
  const places = Object.entries(PLACES).map(([key, [, words]]) => line(["g", key], words));
  show(
    "Keys",
    h(
      "div",
      { class: "columns" },
      h("section", {}, h("h3", {}, "On this page"), h("dl", { class: "keys" }, here, line(["?"], "this help"), line(["Esc"], "leaves a field, closes a dialog"))),
      h("section", {}, h("h3", {}, "Go to"), h("dl", { class: "keys" }, places)),
    ),
  );
}
