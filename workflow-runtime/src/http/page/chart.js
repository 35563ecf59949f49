// Small charts over time: lines, an axis of two words, and what is under the pointer.

import { h, put, s, say } from "./dom.js";

const WIDTH = 300;
const HEIGHT = 64;

/**
 * `lines` are `{ name, kind, values, area }`, oldest value first, all of one length; `unit(value)` says a value; `every`
 * is how many seconds lie between two values. Gives `{ element, update(lines) }`.
 */
export function chart({ title, unit, every }) {
  const plot = s("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const cross = h("span", { class: "cross", hidden: true });
  const top = h("span", { class: "chart-top soft" });
  const legend = h("span", { class: "legend" });
  const moment = h("span", { class: "soft" });
  const element = h("figure", { class: "chart", role: "img", "data-test": "chart" }, h("figcaption", {}, h("span", { class: "chart-title" }, title), legend, moment), h("div", { class: "plot-box" }, plot, top, cross));
  let lines = [];
  let at = null;

  const box = element.querySelector(".plot-box");
  box.addEventListener("pointermove", (event) => {
    const frame = box.getBoundingClientRect();
    const count = lines[0]?.values.length ?? 0;
    at = Math.max(0, Math.min(count - 1, Math.round(((event.clientX - frame.left) / frame.width) * (count - 1))));
    tell();
  });
  box.addEventListener("pointerleave", () => {
    at = null;
    tell();
  });

  function tell() {
    const count = lines[0]?.values.length ?? 0;
    const place = at ?? count - 1;
    cross.hidden = at === null;
    if (at !== null) cross.style.left = `${(100 * at) / Math.max(1, count - 1)}%`;
    put(legend, lines.map((line) => h("span", { class: `key line-${line.kind}` }, line.name, " ", h("strong", {}, line.values[place] === null || line.values[place] === undefined ? "–" : unit(line.values[place])))));
    say(moment, at === null ? "" : back((count - 1 - at) * every));
  }

  function update(next) {
    lines = next;
    const known = lines.flatMap((line) => line.values).filter((value) => value !== null && value !== undefined);
    const most = Math.max(1, ...known);
    say(top, known.length ? unit(most) : "");
    put(
      plot,
      lines.map((line) => {
        const pieces = runs(line.values).map((run) => run.map(([place, value]) => `${((WIDTH * place) / Math.max(1, line.values.length - 1)).toFixed(1)} ${(HEIGHT - 2 - ((HEIGHT - 18) * value) / most).toFixed(1)}`));
        const path = pieces.map((points) => `M${points.join("L")}${points.length === 1 ? "m-3 0h3" : ""}`).join("");
        const under = line.area && pieces.filter((points) => points.length > 1).map((points) => `M${points[0].split(" ")[0]} ${HEIGHT}L${points.join("L")}L${points.at(-1).split(" ")[0]} ${HEIGHT}z`).join("");
        return [under && s("path", { class: `area line-${line.kind}`, d: under }), s("path", { class: `line line-${line.kind}`, d: path, "vector-effect": "non-scaling-stroke" })];
      }),
    );
    element.setAttribute("aria-label", `${title}: ${lines.map((line) => `${line.name} now ${line.values.at(-1) === null ? "unknown" : unit(line.values.at(-1) ?? 0)}`).join(", ")}`);
    tell();
  }
  return { element, update };
}

function back(seconds) {
  if (seconds < 60) return `${seconds} s ago`;
  return seconds < 7200 ? `${Math.round(seconds / 60)} min ago` : `${Math.round(seconds / 3600)} h ago`;
}

/** The values between gaps, with their places. */
function runs(values) {
  const found = [];
  let run = [];
  values.forEach((value, place) => {
    if (value === null || value === undefined) {
      if (run.length) found.push(run);
      run = [];
    } else run.push([place, value]);
  });
  if (run.length) found.push(run);
  return found;
}
