// The states of jobs and tasks: their order, their sign, their colour. Colour never says anything alone.

import { h, icon } from "./dom.js";

export const JOB_STATES = [
  "pending", "scheduled", "running", "paused", "stopping", "compensating", "succeeded", "failed", "cancelled", "expired",
];

const OVER = new Set(["succeeded", "failed", "cancelled", "expired", "skipped", "compensated"]);

export const isOver = (state) => OVER.has(state);

const CIRCLE = "M8 2a6 6 0 1 0 0 12a6 6 0 1 0 0-12";
const SIGNS = {
  pending: "M8 2a6 6 0 0 1 4.200 1.800M14 8a6 6 0 0 1-1.800 4.200M8 14a6 6 0 0 1-4.200-1.800M2 8a6 6 0 0 1 1.800-4.200",
  queued: CIRCLE,
  scheduled: `${CIRCLE}M8 4.800V8l2.200 1.600`,
  running: "M14 8a6 6 0 1 1-6-6",
  retrying: "M13.500 6A6 6 0 1 0 14 8.500M14 2.500V6h-3.500",
  waiting: `${CIRCLE}M5.500 8h.01M8 8h.01M10.500 8h.01`,
  paused: `${CIRCLE}M6.500 6v4M9.500 6v4`,
  stopping: `${CIRCLE}M6.300 6.300h3.400v3.400h-3.400z`,
  compensating: "M5.500 4L2.500 7l3 3M2.500 7h7a4 4 0 0 1 0 8h-1",
  compensated: "M5.500 4L2.500 7l3 3M2.500 7h7a4 4 0 0 1 0 8h-1",
  succeeded: `${CIRCLE}M5.300 8.200l1.900 1.900l3.600-4`,
  failed: `${CIRCLE}M5.900 5.900l4.200 4.200M10.100 5.900l-4.200 4.200`,
  cancelled: `${CIRCLE}M3.900 12.100l8.200-8.200`,
  expired: `${CIRCLE}M8 4.500V8.500M8 11h.01`,
  skipped: "M4 8h8",
  parked: "M8 2.500L14.500 13.500H1.500zM8 6.500v3M8 11.500h.01",
};

export const sign = (state) => icon(SIGNS[state] ?? CIRCLE, `sign is-${state}`);

/** The sign and the word. */
export const badge = (state) => h("span", { class: `badge is-${state}`, "data-state": state }, sign(state), h("span", {}, state));

/** Changes a badge in its place. */
export function rebadge(element, state) {
  if (element.dataset.state !== state) element.replaceWith((element = badge(state)));
  return element;
}

/** Of many tasks that are one step of the picture, the state that matters most. */
const WEIGHT = [
  "failed", "expired", "running", "retrying", "compensating", "waiting", "queued", "scheduled", "pending", "cancelled",
  "compensated", "succeeded", "skipped",
];

export function together(states) {
  const there = new Set(states);
  // What has begun and is not done is under way, even if nothing runs at this moment.
  const first = WEIGHT.find((state) => there.has(state)) ?? "pending";
  const begun = there.has("succeeded") && (first === "queued" || first === "pending" || first === "scheduled");
  return begun ? "running" : first;
}
