// The nodes: the processes that work on this store.

import { get } from "./api.js";
import { attempt } from "./dialog.js";
import { h, put } from "./dom.js";
import { ago, date, number } from "./format.js";
import { pageKeys } from "./keys.js";
import { atMost, every } from "./live.js";
import { grid } from "./table.js";

export function open(root) {
  const place = h("div", {});
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Nodes")), h("p", { class: "soft" }, "Each is one process that runs jobs of this store."), place);
  pageKeys({});
  const few = (words) => h("span", { title: words.join(", ") }, words.slice(0, 4).join(", "), words.length > 4 && h("span", { class: "soft" }, ` and ${words.length - 4} more`));
  const table = grid(["Node", "Seen", { words: "Jobs held", number: true }, "Version", "Queues", "Began"], "nodes");
  const row = (node) =>
    table.row(
      { "data-test": "node", class: node.alive ? "" : "is-off" },
      [h("span", { class: `dot is-${node.alive ? "succeeded" : "failed"}` }), h("code", {}, node.node)],
      [node.alive ? "alive" : h("span", { class: "bad-text" }, "not seen"), h("span", { class: "soft" }, ` ${ago(node.seen)}`)],
      number(node.holds),
      node.version,
      node.queues === null ? "all" : few(node.queues),
      h("span", { class: "soft", title: date(node.begun) }, ago(node.begun)),
    );
  const refresh = atMost(1000, () =>
    attempt(async () => {
      const nodes = await get("api/nodes");
      put(place, nodes.length === 0 ? h("div", { class: "empty" }, "One process at a time works on this store.") : table.element);
      table.fill(nodes.map(row));
    }),
  );
  const ticking = every(3000, refresh);
  refresh();
  return {
    refresh,
    close() {
      refresh.stop();
      ticking();
    },
  };
}
