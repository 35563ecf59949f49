// The steps of a job, one under the other, each folded.

import { h, keyed, put, say } from "./dom.js";
import { number } from "./format.js";
import { treeOrder } from "./job_model.js";
import { progressBar } from "./progress.js";
import { folded, stepDetails, took } from "./step_view.js";
import { badge, isOver, rebadge } from "./states.js";
import { glance } from "./value.js";

const MOST = 200;

export function stepsTab(model, acts) {
  let most = MOST;
  let only = "";
  const list = h("div", { class: "steps", "data-test": "steps" });
  const choice = h("select", { class: "narrow", "aria-label": "Which steps", onchange: () => ((only = choice.value), update()) }, [["", "all steps"], ["going", "under way"], ["failed", "failed"], ["retried", "tried more than once"]].map(([value, words]) => h("option", { value }, words)));
  const more = h("button", { type: "button", class: "button", onclick: () => ((most += 1000), update()) });
  const element = h("div", {}, h("div", { class: "row tab-tools" }, choice), list, more);

  const fits = (step) => {
    if (only === "going") return !isOver(step.state) && step.state !== "pending";
    if (only === "failed") return step.state === "failed" || step.state === "expired";
    return only === "" || step.attempts.length > 1;
  };
  const make = (step) => {
    const parts = { badge: badge(step.state), path: h("code", { class: "path" }), glance: h("span", { class: "soft glance" }), bar: h("span", { class: "bar-place" }), took: h("span", { class: "soft number" }) };
    const row = folded(h("span", { class: "step-line" }, parts.badge, parts.path, parts.glance, parts.bar, parts.took), () => (row.inside = h("div", {})), false, { class: "step", "data-test": "step", "data-path": step.path });
    row.parts = parts;
    row.addEventListener("toggle", () => row.open && row.fill());
    row.fill = () => row.inside && row.filled !== row.step && ((row.filled = row.step), put(row.inside, stepDetails(model, row.step, acts)));
    return row;
  };
  const refresh = (row, step) => {
    const { parts } = row;
    const moves = !isOver(step.state);
    if (moves) say(parts.took, took(step));
    progressBar(parts.bar, moves && model.progress.get(step.task));
    if (row.step === step) return;
    row.step = step;
    parts.badge = rebadge(parts.badge, step.state);
    say(parts.path, step.path);
    say(parts.took, took(step));
    say(parts.glance, step.failure ? step.failure.message : "output" in step ? glance(step.output) : step.attempts.at(-1)?.failure?.message ?? "");
    parts.glance.classList.toggle("bad-text", Boolean(step.failure));
    if (row.open) row.fill();
  };
  function update() {
    const steps = treeOrder(model.view.steps).filter(fits);
    keyed(list, steps.slice(0, most), (step) => step.task, make, refresh);
    more.hidden = steps.length <= most;
    say(more, `Show more of ${number(steps.length - most)}`);
  }
  return { element, update };
}
