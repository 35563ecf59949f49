// Why something did not succeed.

import { h } from "./dom.js";

const KINDS = {
  error: "error", panic: "panic", timed_out: "timed out", stalled: "stalled", bad_input: "bad input", bad_output: "bad output",
  deadly: "killed its process again and again", unrunnable: "could not be run", expired: "deadline passed", cancelled: "cancelled",
};

/** A failure with its causes; `where` makes a link of its step. */
export function failureView(failure, where) {
  const at = failure.step && h("span", { class: "soft" }, " in ", where ? where(failure.step) : h("code", {}, failure.step), failure.attempt > 0 && `, attempt ${failure.attempt}`);
  return h(
    "div",
    { class: "failure", "data-test": "failure" },
    h("div", { class: "failure-kind" }, h("strong", {}, KINDS[failure.kind] ?? failure.kind), at),
    h("p", { class: "message" }, failure.message),
    failure.causes?.length > 0 && h("ul", { class: "causes" }, failure.causes.map((cause) => h("li", {}, h("span", { class: "soft" }, "because "), cause))),
    failure.undo?.length > 0 && h("div", { class: "undo" }, h("p", { class: "soft" }, "And it could not be taken back:"), failure.undo.map((one) => failureView(one, where))),
  );
}
