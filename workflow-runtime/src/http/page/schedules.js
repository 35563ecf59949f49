// The schedules: in plain words, with the times that come next.

import { get, part, post } from "./api.js";
import { ask, attempt, toast } from "./dialog.js";
import { button, h, keyed, put } from "./dom.js";
import { ago, date, next } from "./format.js";
import { pageKeys } from "./keys.js";
import { atMost, every } from "./live.js";
import { jobLink, link } from "./route.js";
import { mayAct } from "./session.js";

export function open(root) {
  const list = h("div", { class: "cards", "data-test": "schedules" });
  const empty = h("div", { class: "empty", hidden: true }, h("p", {}, "Nothing runs by itself here."));
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Schedules")), list, empty);
  pageKeys({});

  const send = (schedule, act) => post(`api/schedules/${part(schedule.name)}/${act}`);
  async function turn(schedule) {
    const act = schedule.paused ? "resume" : "pause";
    const done = schedule.paused ? await attempt(() => send(schedule, act)) : await ask({ title: `Pause ${schedule.name}?`, words: "It starts nothing until it is resumed.", yes: "Pause the schedule", act: () => send(schedule, act) });
    if (!done) return;
    toast(`${schedule.name} is ${schedule.paused ? "going on" : "paused"}.`);
    refresh();
  }
  async function trigger(schedule) {
    const done = await ask({ title: `Run ${schedule.name} now?`, words: `${schedule.what} runs once, beside its usual times.`, yes: "Run it now", act: () => send(schedule, "trigger") });
    if (!done) return;
    toast(`${schedule.name} runs.`, "good", done.job ? { href: jobLink(done.job), words: "Show" } : null);
    refresh();
  }

  function update(card, schedule) {
    const minute = Math.floor(Date.now() / 60000);
    const is = JSON.stringify([schedule, minute]);
    if (card.is === is) return;
    card.is = is;
    card.classList.toggle("is-off", schedule.paused);
    put(
      card,
      h("div", { class: "row" }, h("h2", {}, schedule.name), schedule.paused && h("span", { class: "badge is-paused" }, "paused"), h("span", { class: "gap" }), mayAct() && !schedule.unreadable && button("Run now", () => trigger(schedule), { class: "small", "data-test": "trigger" }), mayAct() && button(schedule.paused ? "Resume" : "Pause", () => turn(schedule), { class: "small", "data-test": schedule.paused ? "resume" : "pause" })),
      h("p", { class: "schedule-words" }, schedule.words, h("span", { class: "soft" }, " runs "), h("a", { href: link(["jobs"], new URLSearchParams({ name: schedule.what })) }, schedule.what)),
      schedule.unreadable && h("p", { class: "problem" }, schedule.unreadable),
      h("div", { class: "schedule-times" },
        h("div", {}, h("h3", {}, "Next"), schedule.next.length === 0 ? h("p", { class: "soft" }, schedule.paused ? "not while it is paused" : "never again") : h("ol", { class: "times" }, schedule.next.map((time, place) => h("li", { title: date(time) }, next(time), place === 0 && h("span", { class: "soft" }, ` ${ago(time)}`))))),
        h("div", {}, h("h3", {}, "Last"), schedule.last ? h("p", {}, h("a", { href: jobLink(schedule.last.job), title: date(schedule.last.at) }, ago(schedule.last.at))) : h("p", { class: "soft" }, "not yet")),
      ),
    );
  }

  const refresh = atMost(1000, () =>
    attempt(async () => {
      const schedules = await get("api/schedules");
      empty.hidden = schedules.length > 0;
      keyed(list, schedules, (one) => one.name, (one) => h("section", { class: "card schedule", "data-test": "schedule", "data-name": one.name }), update);
    }),
  );
  const ticking = every(5000, refresh);
  refresh();
  return {
    refresh,
    close() {
      refresh.stop();
      ticking();
    },
  };
}
