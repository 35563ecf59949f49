// What can be done to one job: each is asked for, done, and told.

import { once, post } from "./api.js";
import { isLetter } from "./bulk.js";
import { ask, attempt, toast } from "./dialog.js";
import { button, h } from "./dom.js";
import { editor } from "./editor.js";
import { Unfinished } from "./form_scalar.js";
import { plainPath } from "./job_model.js";
import { go, jobLink } from "./route.js";
import { isOver } from "./states.js";

/** What is done when it is confirmed; what the fields of an editor lack is shown there, and the dialog stays. */
const withFields = (fields) => (error) => error instanceof Unfinished || (error.fields?.length > 0 && fields.tell(error.fields));

/** What a schema says a workflow or an agent takes. */
async function inputSchema(name) {
  const catalogue = await once("api/catalogue");
  const workflow = catalogue.workflows.find((one) => one.definition.name === name);
  return (workflow ?? catalogue.agents.find((one) => one.name === name))?.input;
}

/** The declared node that a step of a job is. */
async function nodeOf(view, path) {
  const catalogue = await once("api/catalogue");
  const workflow = catalogue.workflows.find((one) => one.definition.name === view.name);
  return workflow?.definition.nodes.find((node) => node.path === plainPath(path));
}

/** What a step takes: of its node's callee, or, for a job that is one agent, of that. */
async function stepSchema(view, step) {
  const node = await nodeOf(view, step.path);
  const callee = node?.kind?.step?.callee.name ?? (step.path === view.name ? view.name : null);
  return callee ? inputSchema(callee) : undefined;
}

export function jobActions(model) {
  const { id } = model;
  const at = (act) => `api/jobs/${id}/${act}`;

  async function tell(done, words) {
    model.refresh();
    if (done?.done === "job") {
      toast(words, "good", { href: jobLink(done.job), words: "Show" });
      go(["jobs", done.job]);
    } else if (done) toast(done.done === "already" ? "That was so already." : words);
  }
  const plain = (act, words) => attempt(async () => tell(await post(at(act)), words));

  async function cancel() {
    const why = h("input", { id: "why", "data-test": "why", placeholder: "it is kept in its records" });
    const done = await ask({
      title: `Cancel ${model.view.name}?`,
      words: "What runs is told to stop, and what was done is taken back.",
      fields: [h("label", { for: "why" }, "Why"), why],
      yes: "Cancel the job",
      danger: true,
      act: () => post(at("cancel"), why.value ? { why: why.value } : {}),
    });
    await tell(done, "The job is told to stop.");
  }

  async function signal() {
    const catalogue = await once("api/catalogue");
    const nodes = catalogue.workflows.find((one) => one.definition.name === model.view.name)?.definition.nodes ?? [];
    const known = nodes.filter((node) => node.kind?.signal).map((node) => ({ ...node.kind.signal, path: node.path }));
    const waits = (one) => model.view.steps.some((step) => plainPath(step.path) === one.path && step.state === "waiting");
    known.sort((a, b) => waits(b) - waits(a));
    const name = h("input", { id: "event", list: "events", "data-test": "event", value: known[0]?.event ?? "", spellcheck: "false" });
    const place = h("div", {});
    let fields = null;
    const draw = () => {
      fields = editor({ schema: known.find((one) => one.event === name.value)?.schema, label: "Its value" });
      place.replaceChildren(fields.element);
    };
    name.addEventListener("change", draw);
    draw();
    const done = await ask({
      title: `Signal ${model.view.name}`,
      words: "Tells the job that something has happened that it waits for.",
      wide: true,
      fields: [h("label", { for: "event" }, "Event"), name, h("datalist", { id: "events" }, known.map((one) => h("option", { value: one.event }, waits(one) ? "the job waits for it" : ""))), place],
      yes: "Signal",
      act: () => post(at("signal"), `{"event":${JSON.stringify(name.value)},"value":${fields.text()}}`),
      failed: (error) => withFields(fields)(error),
    });
    await tell(done, `The job was told of ${name.value}.`);
  }

  async function discard() {
    const done = await ask({ title: "Discard this dead letter?", words: "It leaves the dead letters; nobody needs to look at it any more. Its records stay.", yes: "Discard", danger: true, act: () => post(at("discard")) });
    await tell(done, "Discarded.");
  }

  /** The input as it was, or another one. */
  async function withInput({ title, words, yes, act, schema, given, extra = "" }) {
    const fields = editor({ schema, value: given });
    const change = h("input", { type: "checkbox", id: "change-input", "data-test": "change-input", onchange: () => (fields.element.hidden = !change.checked) });
    fields.element.hidden = true;
    return ask({
      title,
      words,
      wide: true,
      fields: [h("label", { class: "row check", for: "change-input" }, change, "with another input"), fields.element],
      yes,
      act: () => post(at(act), change.checked ? `{${extra}"input":${fields.text()}}` : `{${extra.replace(/,$/, "")}}`),
      failed: (error) => withFields(fields)(error),
    });
  }

  async function retry() {
    const from = h("input", { type: "checkbox", id: "from-start", "data-test": "from-start" });
    const whole = await model.whole();
    const fields = editor({ schema: await inputSchema(model.view.name), value: whole.input });
    const change = h("input", { type: "checkbox", id: "change-input", "data-test": "change-input" });
    const turn = () => {
      if (change.checked) from.checked = true;
      fields.element.hidden = !change.checked;
    };
    change.addEventListener("change", turn);
    turn();
    const done = await ask({
      title: `Retry ${model.view.name}?`,
      words: "It goes on from where it failed; what succeeded is kept.",
      wide: true,
      fields: [h("label", { class: "row check", for: "from-start" }, from, "from its beginning instead"), h("label", { class: "row check", for: "change-input" }, change, "with another input (from its beginning)"), fields.element],
      yes: "Retry",
      act: () => post(at("retry"), change.checked ? `{"from_start":true,"input":${fields.text()}}` : from.checked ? { from_start: true } : {}),
      failed: (error) => withFields(fields)(error),
    });
    await tell(done, "It goes on.");
  }

  async function rerun() {
    const whole = await model.whole();
    const done = await withInput({
      title: `Run ${model.view.name} again?`, words: "A new job runs from the beginning. This one stays as it is.", yes: "Rerun", act: "rerun",
      schema: await inputSchema(model.view.name), given: whole.input ?? undefined,
    });
    await tell(done, "A new job runs.");
  }

  async function rerunFrom(step) {
    const whole = await model.whole();
    const done = await withInput({
      title: `Run again from ${step.path}?`, words: "A new job takes over what the steps before it gave, and runs from here. This one stays as it is.", yes: "Rerun from here", act: "rerun",
      schema: await stepSchema(model.view, step), given: whole.steps.find((one) => one.task === step.task)?.input, extra: `"from":${JSON.stringify(step.path)},`,
    });
    await tell(done, "A new job runs from there.");
  }

  /** The buttons that make sense now. */
  function buttons(view) {
    const over = isOver(view.state);
    const dead = isLetter(view);
    const all = [
      !over && view.steps.some((step) => step.state === "waiting" && !step.child && !step.until) && ["signal", "Signal", signal],
      !over && view.state !== "paused" && view.state !== "stopping" && ["pause", "Pause", () => plain("pause", "The job starts nothing more.")],
      view.state === "paused" && ["resume", "Resume", () => plain("resume", "The job goes on.")],
      dead && ["retry", "Retry", () => attempt(retry)],
      over && ["rerun", "Rerun", () => attempt(rerun)],
      dead && ["discard", "Discard", discard],
      !over && view.state !== "stopping" && ["cancel", "Cancel", cancel],
    ];
    return all.filter(Boolean).map(([name, words, act]) => button(words, act, { "data-test": `act-${name}`, class: name === "cancel" || name === "discard" ? "danger-text" : "" }));
  }
  return { buttons, rerun: (step) => attempt(() => rerunFrom(step)) };
}
