// The queues: how deep, how fast, how late, and whether they may start anything.

import { get, part, post } from "./api.js";
import { chart } from "./chart.js";
import { ask, attempt, toast } from "./dialog.js";
import { button, h, keyed, put } from "./dom.js";
import { duration, number } from "./format.js";
import { pageKeys } from "./keys.js";
import { atMost, every, stream } from "./live.js";
import { link } from "./route.js";
import { mayAct } from "./session.js";

export function open(root) {
  const list = h("div", { class: "cards queues", "data-test": "queues" });
  const empty = h("div", { class: "empty", hidden: true }, h("p", {}, "No queue has had anything yet."));
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Queues")), list, empty);
  pageKeys({});

  function make(queue) {
    const seconds = queue.every;
    const parts = {
      name: h("h2", {}, h("a", { href: link(["jobs"], new URLSearchParams({ queue: queue.name })) }, queue.name)),
      paused: h("span", { class: "badge is-paused" }, "paused"),
      now: h("dl", { class: "facts" }),
      act: h("span", {}),
      depth: chart({ title: "Depth", unit: (value) => number(Math.round(value)), every: seconds }),
      rate: chart({ title: "Rate", unit: (value) => `${value >= 10 ? Math.round(value) : Math.round(value * 10) / 10}/s`, every: seconds }),
      late: chart({ title: "Start latency", unit: duration, every: seconds }),
    };
    const card = h("section", { class: "card queue", "data-test": "queue", "data-name": queue.name }, h("div", { class: "row" }, parts.name, parts.paused, h("span", { class: "gap" }), parts.act), parts.now, h("div", { class: "charts" }, parts.depth.element, parts.rate.element, parts.late.element));
    card.parts = parts;
    return card;
  }

  function update(card, queue) {
    const { parts } = card;
    figures(card, queue);
    if (!queue.history) return;
    const { started, ended, waiting, running, p50, p95 } = queue.history;
    const perSecond = (values) => values.map((value) => (value === null ? null : value / queue.every));
    parts.depth.update([{ name: "waiting", kind: "wait", values: waiting, area: true }, { name: "running", kind: "run", values: running }]);
    parts.rate.update([{ name: "started", kind: "run", values: perSecond(started), area: true }, { name: "ended", kind: "good", values: perSecond(ended) }]);
    parts.late.update([{ name: "median", kind: "run", values: p50 }, { name: "95 %", kind: "warn", values: p95 }]);
  }

  function figures(card, queue) {
    const { parts } = card;
    const limit = queue.limit ?? card.limit ?? null;
    card.limit = limit;
    if ("oldest" in queue) card.oldest = queue.oldest;
    const is = JSON.stringify([queue.running, queue.waiting, queue.paused, limit, card.oldest]);
    if (card.is === is) return;
    card.is = is;
    card.classList.toggle("is-off", queue.paused);
    parts.paused.hidden = !queue.paused;
    const fact = (word, value) => h("div", {}, h("dt", {}, word), h("dd", {}, value));
    put(
      parts.now,
      fact("waiting", h("strong", {}, number(queue.waiting))),
      fact("running", h("strong", {}, number(queue.running), limit !== null && h("span", { class: "soft" }, ` of ${number(limit)}`))),
      limit !== null && h("div", { class: "limit" }, h("span", { class: "track", role: "meter", "aria-label": "places taken", "aria-valuenow": queue.running, "aria-valuemin": 0, "aria-valuemax": limit }, h("span", { class: "fill", style: { width: `${Math.min(100, (100 * queue.running) / Math.max(1, limit))}%` } }))),
      card.oldest !== null && card.oldest !== undefined && fact("the oldest waits", duration(card.oldest * 1000)),
    );
    if (mayAct()) put(parts.act, button(queue.paused ? "Resume" : "Pause", () => turn(queue), { class: "small", "data-test": queue.paused ? "resume" : "pause" }));
  }

  async function turn(queue) {
    const act = queue.paused ? "resume" : "pause";
    const send = () => post(`api/queues/${part(queue.name)}/${act}`);
    const done = queue.paused
      ? await attempt(send)
      : await ask({ title: `Pause ${queue.name}?`, words: "Nothing more of it starts until it is resumed; what runs goes on. Jobs can still be handed in.", yes: "Pause the queue", act: send });
    if (!done) return;
    toast(`${queue.name} is ${queue.paused ? "going on" : "paused"}.`);
    refresh();
  }

  const refresh = atMost(1000, () =>
    attempt(async () => {
      const got = await get("api/queues");
      const queues = got.queues.map((queue) => ({ ...queue, every: got.every }));
      empty.hidden = queues.length > 0;
      keyed(list, queues, (queue) => queue.name, make, update);
    }),
  );
  const close = stream("api/events", {
    open: () => refresh(),
    change(change) {
      for (const queue of change.queues ?? []) {
        const card = [...list.children].find((one) => one.dataset.name === queue.name);
        if (card) figures(card, queue);
      }
    },
  });
  const ticking = every(5000, refresh);
  refresh();
  return {
    refresh,
    close() {
      refresh.stop();
      close();
      ticking();
    },
  };
}
