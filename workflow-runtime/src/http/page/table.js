// A table that becomes a list of cards where the screen is narrow: each cell knows the head of its column.

import { h, put } from "./dom.js";

/** `heads` are words, or `{ words, number: true }` for a column of numbers. */
export function grid(heads, test) {
  const all = heads.map((head) => (typeof head === "string" ? { words: head } : head));
  const body = h("tbody", {});
  const element = h(
    "div",
    { class: "table-box" },
    h("table", { class: "grid", "data-test": test }, h("thead", {}, h("tr", {}, all.map(({ words, number }) => h("th", { scope: "col", class: number ? "number" : "" }, words)))), body),
  );
  /** A row of cells; each is a text, an element, or a list of them. */
  const row = (attributes, ...cells) => h("tr", attributes, cells.map((cell, at) => h("td", { "data-label": all[at].words, class: all[at].number ? "number" : "" }, cell)));
  return { element, body, row, fill: (rows) => put(body, rows) };
}
