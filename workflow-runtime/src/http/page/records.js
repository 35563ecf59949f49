// The journal of a job, as it is written, one line for each fact; or of it what agents wrote to the log.

import { show } from "./dialog.js";
import { h, put, say } from "./dom.js";
import { clock, date, moment, duration, number, plural } from "./format.js";
import { virtualList } from "./list.js";
import { isOver } from "./states.js";
import { glance, valueView } from "./value.js";

const TONE = { succeeded: "good", job_succeeded: "good", failed: "bad", job_failed: "bad", stopped: "bad", retrying: "warn", fell: "warn", lost: "warn", paused: "warn", signalled: "wait", slept: "wait" };

/** What a fact says, in a few words. */
export function told(line) {
  const values = {
    started: () => `attempt ${line.attempt}`,
    retrying: () => `again at ${clock(line.due)}: ${line.failure?.message}`,
    fell: () => line.failure?.message,
    failed: () => line.failure?.message,
    stopped: () => line.failure?.message,
    job_failed: () => line.failure?.message,
    lost: () => (line.killed ? "its process was killed" : "its process was shut down"),
    succeeded: () => glance(line.output),
    job_succeeded: () => glance(line.output),
    returned: () => line.failure?.message ?? glance(line.output),
    chose: () => (line.holds ? "holds" : "does not hold"),
    fanned: () => `${line.items?.length ?? 0} elements`,
    rounded: () => (line.again ? "another round" : "no more rounds"),
    slept: () => `until ${date(line.until)}`,
    called: () => `job ${line.job}`,
    signalled: () => `${line.event} ${glance(line.value)}`,
    spawned: () => line.spawn?.key ?? line.spawn?.callee?.name,
    saved: () => glance(line.value),
    logged: () => line.message,
    given: () => glance(line.input),
  };
  return String(values[line.fact]?.() ?? "");
}

const KINDS = {
  records: { name: "Records", few: "step, fact or words", is: () => true },
  log: { name: "Log", few: "step or words", is: (line) => line.fact === "logged" },
};

export function recordsTab(model, kind) {
  const { name, few, is } = KINDS[kind];
  let only = "";
  let following = !isOver(model.view.state);
  const search = h("input", { type: "search", placeholder: few, "aria-label": `Search the ${name.toLowerCase()}`, class: "narrow", "data-test": `${kind}-search`, oninput: () => ((only = search.value.toLowerCase()), update()) });
  const count = h("span", { class: "soft", role: "status" });
  const list = virtualList({ height: () => 28, make, update: () => {}, key: (line) => line.number, label: name });
  const element = h("div", { class: `records only-${kind}`, "data-test": kind }, h("div", { class: "row tab-tools" }, search, count), list.box);
  list.box.addEventListener("scroll", () => (following = list.box.scrollTop + list.box.clientHeight > list.box.scrollHeight - 60), { passive: true });

  function make(line) {
    const row = h("button", { type: "button", class: "record", "data-test": "record", onclick: () => whole(line) });
    put(
      row,
      h("span", { class: "soft number" }, line.number),
      h("span", { class: "soft", title: date(line.at) }, clock(line.at)),
      kind === "records" && h("span", { class: `fact ${TONE[line.fact] ?? ""}` }, line.fact.replaceAll("_", " ")),
      h("code", { class: "path" }, line.step ?? ""),
      h("span", { class: "words" }, told(line).slice(0, 300)),
    );
    return row;
  }
  function whole(line) {
    const since = duration(moment(line.at) - moment(model.view.submitted));
    show(`Record ${line.number}: ${line.fact.replaceAll("_", " ")}`, h("p", { class: "soft" }, `${date(line.at)}, ${since} after the job was accepted`), valueView(line, { name: `record-${line.number}` }));
  }
  function update() {
    const all = model.lines.filter(is);
    const lines = only ? all.filter((line) => `${line.step ?? ""} ${line.fact} ${told(line)}`.toLowerCase().includes(only)) : all;
    list.set(lines);
    say(count, only ? `${number(lines.length)} of ${number(all.length)}` : plural(lines.length, kind === "records" ? "record" : "line"));
    if (following) requestAnimationFrame(() => (list.box.scrollTop = list.box.scrollHeight));
  }
  return { element, update, lines: update, close: list.close };
}
