// What is done to many jobs at once: asked for, done in portions, and told job by job.

import { post } from "./api.js";
import { ask, show, toast } from "./dialog.js";
import { button, h, put } from "./dom.js";
import { plural, shortId } from "./format.js";
import { jobLink } from "./route.js";
import { isOver } from "./states.js";

/** Whether it is a dead letter: nobody waits for it, and nobody has looked after it. */
export const isLetter = (head) => (head.state === "failed" || head.state === "expired") && !head.settled && !head.parent;

export const ACTS = {
  cancel: { word: "Cancel", done: "cancelled", danger: true, words: "What runs is told to stop, and what was done is taken back.", fits: (head) => !isOver(head.state) },
  pause: { word: "Pause", done: "paused", words: "They start nothing more until they are resumed.", fits: (head) => !isOver(head.state) && head.state !== "paused" },
  resume: { word: "Resume", done: "resumed", words: "They go on from where they are.", fits: (head) => head.state === "paused" },
  retry: { word: "Retry", done: "going on", words: "They go on from the step that failed; what succeeded is kept.", fits: isLetter },
  rerun: { word: "Rerun", done: "run again", words: "Each runs again from its beginning, as a new job.", fits: (head) => isOver(head.state) },
  discard: { word: "Discard", done: "discarded", danger: true, words: "They leave the dead letters. Their records stay.", fits: isLetter },
};

const PORTION = 1000;

/** Asks, acts, and tells. Gives whether something was done. */
export async function actOnMany(act, heads) {
  const { word, done, danger, words } = ACTS[act];
  const why = act === "cancel" ? h("input", { id: "why", placeholder: "why (it is kept in their records)", "data-test": "why" }) : null;
  const results = await ask({
    title: `${word} ${plural(heads.length, "job")}?`,
    words,
    danger,
    yes: `${word} ${plural(heads.length, "job")}`,
    fields: [h("ul", { class: "few" }, heads.slice(0, 5).map((head) => h("li", {}, head.name, " ", h("code", {}, shortId(head.id)))), heads.length > 5 && h("li", { class: "soft" }, `and ${plural(heads.length - 5, "other")}`)), why && h("label", { for: "why" }, "Why"), why],
    async act() {
      const all = [];
      for (let from = 0; from < heads.length; from += PORTION) {
        const jobs = heads.slice(from, from + PORTION).map((head) => head.id);
        all.push(...(await post("api/bulk", { act, jobs, ...(why?.value ? { why: why.value } : {}) })).results);
      }
      return all;
    },
  });
  if (!results) return false;
  tell(results, new Map(heads.map((head) => [head.id, head])), done);
  return true;
}

function tell(results, heads, done) {
  const refused = results.filter((one) => one.error);
  if (refused.length === 0) {
    const made = results.length === 1 && results[0].done?.job ? { href: jobLink(results[0].done.job), words: "Show" } : null;
    return toast(`${plural(results.length, "job")} ${done}.`, "good", made);
  }
  const line = (one) =>
    h("li", { "data-test": "bulk-refused" }, h("a", { href: jobLink(one.job) }, heads.get(one.job)?.name ?? "", " ", h("code", {}, shortId(one.job))), h("p", { class: "bad-text" }, one.error.message));
  const dialog = show(
    `${results.length - refused.length} of ${plural(results.length, "job")} ${done}`,
    h("p", { class: "soft" }, `${plural(refused.length, "job")} could not be:`),
    h("ul", { class: "results" }, refused.slice(0, 200).map(line), refused.length > 200 && h("li", {}, `and ${refused.length - 200} more`)),
  );
  dialog.addEventListener("click", (event) => event.target.closest("a") && dialog.close());
}

/** The bar that shows what is selected and what can be done to it. */
export function bulkBar(picked, { clear, everything, done }) {
  const element = h("div", { class: "bulk", hidden: true, role: "region", "aria-label": "Selected jobs", "data-test": "bulk" });
  const update = (more) => {
    element.hidden = picked.size === 0;
    if (picked.size === 0) return;
    const heads = [...picked.values()];
    const acts = Object.entries(ACTS).map(([act, { word, danger, fits }]) => {
      const fitting = heads.filter(fits);
      return button(`${word}${fitting.length && fitting.length < heads.length ? ` ${fitting.length}` : ""}`, async () => (await actOnMany(act, fitting)) && (clear(), done()), {
        class: danger ? "danger-text" : "", disabled: fitting.length === 0, "data-test": `bulk-${act}`,
      });
    });
    put(
      element,
      h("strong", { "data-test": "picked" }, `${plural(picked.size, "job")} selected`),
      more && button("Select all that match", everything, { class: "plain", "data-test": "select-everything" }),
      h("span", { class: "gap" }),
      acts,
      button("Clear", clear, { class: "plain" }),
    );
  };
  return { element, update };
}
