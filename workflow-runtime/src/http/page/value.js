// JSON as people read it: folded where it is long, cut where it is very long, with a way to all of it.

import { attempt } from "./dialog.js";
import { button, h, put } from "./dom.js";
import { bytes, number } from "./format.js";

const SHOWN = 2000; // characters of a string
const ITEMS = 100; // items of a list at once
const MOST = 500_000; // characters that a page shows at all

const isCut = (value) => value !== null && typeof value === "object" && typeof value.$cut === "object" && value.$cut !== null && "bytes" in value.$cut;

/** One line, for lists. */
export function glance(value, most = 120) {
  if (value === undefined) return "";
  if (isCut(value)) return value.$cut.start.slice(0, most) + "…";
  // Of something long only the beginning is written out.
  const text = typeof value === "string" ? JSON.stringify(value.slice(0, most + 1)) : JSON.stringify(value);
  return text.length > most ? text.slice(0, most) + "…" : text;
}

/** The value at a path of keys, if it is there. */
const within = (value, path) => path.reduce((inner, key) => inner?.[key], value);

/** A value with its tools. `whole` asks for the same value uncut; `name` is what a file of it is called. */
export function valueView(value, { whole, name = "value" } = {}) {
  const all = async () => (whole && hasCut(value) ? await whole() : value);
  const text = async () => JSON.stringify(await all(), null, 2);
  const tree = h("div", { class: "tree" });
  const state = { whole, path: [] };
  put(tree, node(value, 0, state));
  return h(
    "div",
    { class: "value", "data-test": "value" },
    h(
      "div",
      { class: "tools" },
      button("Copy", (event) => attempt(async () => {
        await navigator.clipboard.writeText(await text());
        event.target.textContent = "Copied";
        setTimeout(() => (event.target.textContent = "Copy"), 1200);
      }), { class: "plain small" }),
      button("Save", () => attempt(async () => save(`${name}.json`, await text())), { class: "plain small" }),
    ),
    tree,
  );
}

export function save(name, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type: "application/json" })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function hasCut(value) {
  if (value === null || typeof value !== "object") return false;
  return isCut(value) || Object.values(value).some(hasCut);
}

function node(value, depth, state) {
  if (value === null) return h("span", { class: "j-null" }, "null");
  if (typeof value === "string") return string(value);
  if (typeof value !== "object") return h("span", { class: "j-plain" }, String(value));
  if (isCut(value)) return cut(value.$cut, depth, state);
  const entries = Array.isArray(value) ? value.map((item, place) => [place, item]) : Object.entries(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  if (entries.length === 0) return h("span", { class: "soft" }, open + close);
  if (isFlat(entries)) return h("span", {}, h("span", { class: "soft" }, open), entries.map(([key, item], place) => [place > 0 && ", ", !Array.isArray(value) && label(key), node(item, depth, state)]), h("span", { class: "soft" }, close));
  return fold(entries, Array.isArray(value), depth, state);
}

/** Short lists of numbers and words stand on one line. */
function isFlat(entries) {
  if (entries.length > 8) return false;
  let length = 0;
  for (const [key, item] of entries) {
    if (item !== null && typeof item === "object") return false;
    length += String(key).length + String(item).length + 4;
  }
  return length < 60;
}

const label = (key) => [h("span", { class: "j-key" }, key), ": "];

function fold(entries, isList, depth, state) {
  const inside = h("div", { class: "inside" });
  const words = isList ? `[${number(entries.length)}]` : `{${number(entries.length)}}`;
  const element = h("details", {}, h("summary", {}, h("span", { class: "soft" }, words)), inside);
  let from = 0;
  const more = () => {
    inside.querySelector(":scope > .button")?.remove();
    for (const [key, item] of entries.slice(from, from + ITEMS)) {
      const deeper = { ...state, path: [...state.path, key] };
      inside.append(h("div", { class: "entry" }, isList ? h("span", { class: "j-at" }, key) : label(key), " ", node(item, depth + 1, deeper)));
    }
    from += ITEMS;
    const left = entries.length - from;
    if (left > 0) inside.append(button(`${number(Math.min(left, ITEMS))} more of ${number(left)}`, more, { class: "small" }));
  };
  element.addEventListener("toggle", () => element.open && from === 0 && more());
  if (depth < 2 && entries.length <= 20) {
    element.open = true;
    more();
  }
  return element;
}

function string(value) {
  if (value.length <= SHOWN) return h("span", { class: "j-string" }, JSON.stringify(value));
  const element = h("span", { class: "j-string" });
  const show = (length) => put(element, JSON.stringify(value.slice(0, length)).slice(0, -1), length >= value.length ? '"' : "…");
  show(SHOWN);
  const all = button(`Show all of ${bytes(value.length)}`, () => {
    show(MOST);
    all.remove();
    if (value.length > MOST) element.append(h("em", { class: "soft" }, ` the rest is in the file that Save gives`));
  }, { class: "small", "data-test": "show-all" });
  return h("span", {}, element, " ", all);
}

function cut({ bytes: size, start }, depth, state) {
  const element = h("span", { "data-test": "cut" });
  const show = button(`Show the whole, ${bytes(size)}`, () => attempt(async () => {
    show.disabled = true;
    try {
      const whole = await state.whole();
      put(element, node(within(whole, state.path), depth, state));
    } finally {
      show.disabled = false;
    }
  }), { class: "small", "data-test": "whole" });
  return put(element, h("span", { class: "j-string" }, start.slice(0, SHOWN) + "…"), " ", state.whole && show);
}
