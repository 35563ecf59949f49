// One step of a job: where it stands, its attempts, what it was given and what it gave.

import { failureView } from "./failure.js";
import { button, h } from "./dom.js";
import { clock, date, duration, moment, now } from "./format.js";
import { jobLink } from "./route.js";
import { mayAct } from "./session.js";
import { badge, isOver } from "./states.js";
import { valueView } from "./value.js";

/** Something folded, whose inside is made when it is opened. */
export function folded(title, make, open = false, extra = {}) {
  let made = false;
  const element = h("details", { class: "folded", ...extra }, h("summary", {}, title));
  const fill = () => {
    if (made || !element.open) return;
    made = true;
    element.append(h("div", { class: "unfolded" }, make()));
  };
  element.addEventListener("toggle", fill);
  if (open) {
    element.open = true;
    fill();
  }
  return element;
}

/** How long it took, or takes. */
export function took(step) {
  const begin = moment(step.attempts[0]?.began ?? step.since);
  if (begin === null) return "";
  const end = moment(step.ended) ?? (isOver(step.state) ? moment(step.attempts.at(-1)?.ended) : now());
  return end === null ? "" : duration(end - begin);
}

export function attemptLine(attempt, number) {
  const end = moment(attempt.ended);
  const state = attempt.failure ? "failed" : attempt.lost ? "expired" : end === null ? "running" : "succeeded";
  const words = attempt.lost ? "ended with its process" : attempt.failure ? "failed" : end === null ? "runs" : "done";
  return h(
    "li",
    { class: "attempt" },
    h("span", { class: `dot is-${state}` }),
    h("span", {}, `attempt ${number}`),
    h("span", { class: `is-${state}` }, words),
    h("span", { class: "soft" }, `${clock(attempt.began)}, ${duration((end ?? now()) - moment(attempt.began))}`),
    attempt.failure && h("span", { class: "message" }, attempt.failure.message),
  );
}

/** What the attempts of a step wrote to the log. */
export const logOf = (model, step) => model.lines.filter((line) => line.fact === "logged" && line.task === step.task);

const logLine = (line, many) => h("li", {}, h("span", { class: "soft", title: date(line.at) }, clock(line.at)), many && h("span", { class: "soft" }, `attempt ${line.attempt}`), h("span", { class: "message" }, line.message));

/** All that is known of a step. `acts.rerun(step)` asks how to run the job again from here. */
export function stepDetails(model, step, acts) {
  const { view } = model;
  const wholeOf = (what) => async () => (await model.whole()).steps.find((one) => one.task === step.task)?.[what];
  const value = (what, title, open) => what in step && folded(title, () => valueView(step[what], { whole: wholeOf(what), name: `${view.name}-${step.path}-${what}` }), open, { "data-test": `step-${what}` });
  const many = step.attempts.length > 1 || step.attempts.some((attempt) => attempt.failure || attempt.lost);
  const log = logOf(model, step);
  const facts = [
    step.phase && ["phase", step.phase],
    step.since && ["since", date(step.since)],
    step.attempts.length > 0 && ["took", took(step)],
    step.until && ["waits until", date(step.until)],
  ].filter(Boolean);
  return h(
    "div",
    { class: "step-details" },
    h("div", { class: "row" }, badge(step.state), h("span", { class: "gap" }), step.child && h("a", { class: "button small", href: jobLink(step.child), "data-test": "child-link" }, "Open its job →"), mayAct() && isOver(view.state) && step.attempts.length > 0 && !step.path.startsWith("undo/") && button("Rerun from here", () => acts.rerun(step), { class: "small", "data-test": "rerun-from" })),
    h("dl", { class: "facts" }, facts.map(([word, fact]) => h("div", {}, h("dt", {}, word), h("dd", {}, fact)))),
    step.failure && failureView(step.failure),
    many && h("ul", { class: "attempts" }, step.attempts.map((attempt, place) => attemptLine(attempt, place + 1))),
    log.length > 0 && folded(`Log (${log.length})`, () => h("ul", { class: "log" }, log.slice(-200).map((line) => logLine(line, many))), log.length < 20, { "data-test": "step-log" }),
    value("input", "Input", !step.failure && !("output" in step)),
    value("saved", "Saved, to go on from", false),
    value("output", "Output", true),
  );
}
