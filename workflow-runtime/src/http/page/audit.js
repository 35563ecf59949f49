// What people did, the newest first.

import { get } from "./api.js";
import { attempt } from "./dialog.js";
import { button, h, put } from "./dom.js";
import { ago, date } from "./format.js";
import { pageKeys } from "./keys.js";
import { jobLink } from "./route.js";
import { grid } from "./table.js";
import { glance } from "./value.js";

const PAGE = 50;
const ID = /[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/;

export function open(root) {
  const table = grid(["When", "Who", "What", "What came of it"], "audit");
  const { body } = table;
  const more = button("Show more", () => next(), { hidden: true });
  const empty = h("div", { class: "empty", hidden: true }, h("p", {}, "Nobody has done anything yet."));
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Audit")), h("p", { class: "soft" }, "What people did here, and what came of it."), table.element, empty, h("div", {}, more));
  pageKeys({});
  let last = null;
  let busy = false;

  const withLinks = (text) => {
    const id = ID.exec(text)?.[0];
    return id ? [text.slice(0, text.indexOf(id)), h("a", { class: "mono", href: jobLink(id) }, id.slice(-12)), text.slice(text.indexOf(id) + id.length)] : text;
  };
  function act(what) {
    if (typeof what === "string") return what;
    const { act: name, ...rest } = what ?? {};
    return [h("strong", {}, name ?? Object.keys(rest)[0] ?? ""), Object.entries(rest).map(([key, value]) => h("span", { class: "pair" }, h("span", { class: "soft" }, ` ${key} `), withLinks(typeof value === "string" ? value : glance(value))))];
  }
  const row = (record) =>
    table.row(
      { "data-test": "audit-record" },
      h("span", { class: "soft nowrap", title: date(record.at) }, ago(record.at)),
      h("span", { class: "nowrap" }, record.who),
      act(record.act),
      h("span", { class: record.came.startsWith("declined") ? "bad-text" : record.came.length < 60 ? "nowrap" : "" }, withLinks(record.came)),
    );

  async function next() {
    if (busy) return;
    busy = true;
    await attempt(async () => {
      const got = await get("api/audit", { before: last, limit: PAGE });
      got.records.forEach((record) => body.append(row(record)));
      last = got.records.at(-1)?.at ?? last;
      more.hidden = !got.more;
      empty.hidden = body.children.length > 0;
    });
    busy = false;
  }
  next();
  return {
    refresh() {
      put(body);
      last = null;
      next();
    },
  };
}
