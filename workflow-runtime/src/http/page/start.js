// Starting a job: which, with what, and how.

import { once, post } from "./api.js";
import { attempt, toast } from "./dialog.js";
import { h, put } from "./dom.js";
import { editor } from "./editor.js";
import { Unfinished } from "./form_scalar.js";
import { firstWords, markdown } from "./markdown.js";
import { pageKeys } from "./keys.js";
import { go, jobLink, link } from "./route.js";
import { unsaid } from "./schema.js";
import { mayAct } from "./session.js";

export function open(root, where) {
  const chosen = where.parts[1] ?? null;
  pageKeys({});
  attempt(async () => {
    const catalogue = await once("api/catalogue");
    const all = [...catalogue.workflows.map((one) => ({ name: one.definition.name, description: one.definition.description, input: one.input, kind: "workflows" })), ...catalogue.agents.map((one) => ({ ...one, kind: "agents" }))];
    const one = all.find((entry) => entry.name === chosen);
    if (!mayAct()) return put(root, h("div", { class: "empty" }, h("p", {}, "Readers cannot start jobs.")));
    if (one) form(root, one, all);
    else choice(root, all, chosen);
  });
  return {};
}

function choice(root, all, wrong) {
  const search = h("input", { type: "search", placeholder: "name", "aria-label": "Search", "data-test": "start-search", oninput: () => draw() });
  const list = h("ul", { class: "choices" });
  const draw = () => {
    const found = all.filter((one) => `${one.name} ${one.description}`.toLowerCase().includes(search.value.toLowerCase()));
    put(
      list,
      found.map((one) => h("li", {}, h("a", { href: link(["start", one.name]), "data-test": "start-choice", "data-name": one.name }, h("strong", {}, one.name), h("span", { class: "soft" }, one.kind === "agents" ? "agent" : "workflow"), h("span", { class: "soft words" }, firstWords(one.description))))),
      found.length === 0 && h("li", { class: "soft" }, "There is none of that name."),
    );
  };
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Start a job")), wrong && h("p", { class: "problem" }, `There is no workflow and no agent ${wrong}.`), search, list);
  draw();
  search.focus();
}

function form(root, one) {
  const input = editor({ schema: unsaid(one.input, one.description) });
  const field = (name, label, words, attributes = {}) => h("div", { class: "field" }, h("label", { class: "field-name", for: `how-${name}` }, label), h("p", { class: "field-words" }, words), h(attributes.options ? "select" : "input", { id: `how-${name}`, name, "data-test": `how-${name}`, autocomplete: "off", spellcheck: "false", ...attributes, options: null }, attributes.options?.map(([value, text]) => h("option", { value }, text))));
  const how = h(
    "details",
    { class: "folded how", "data-test": "how" },
    h("summary", {}, "Options"),
    h(
      "div",
      { class: "fields two" },
      field("queue", "Queue", "Where its tasks wait that do not say so themselves.", { placeholder: "default" }),
      field("priority", "Priority", "What goes first when workers are scarce.", { options: [["", "as declared"], ["low", "low"], ["normal", "normal"], ["high", "high"], ["critical", "critical"]] }),
      field("delay", "Delay", "It does not begin before.", { placeholder: "5m" }),
      field("deadline", "Deadline", "It is given up after.", { placeholder: "1h" }),
      field("unique", "Unique", "While a job has this key, there is no other of this name that has it.", {}),
      field("tags", "Tags", "Words to find it by, with commas between.", { placeholder: "tenant:acme" }),
    ),
  );
  const problem = h("p", { class: "problem", role: "alert", hidden: true, "data-test": "start-problem" });
  const begin = h("button", { type: "submit", class: "button primary", "data-test": "start" }, "Start");
  const form = h(
    "form",
    {
      class: "start-form",
      novalidate: true,
      onsubmit: async (event) => {
        event.preventDefault();
        problem.hidden = true;
        begin.disabled = true;
        try {
          const options = asked(how);
          const body = `{"name":${JSON.stringify(one.name)},"input":${input.text()}${Object.keys(options).length ? `,"how":${JSON.stringify(options)}` : ""}}`;
          const done = await post("api/jobs", body);
          toast(`${one.name} was submitted.`, "good", { href: jobLink(done.job), words: "Show" });
          go(["jobs", done.job]);
        } catch (error) {
          if (error instanceof Unfinished) return;
          const placed = error.fields?.length > 0 && input.tell(error.fields);
          problem.textContent = error.message;
          problem.hidden = false;
          if (!placed) problem.scrollIntoView({ block: "nearest" });
        } finally {
          begin.disabled = false;
        }
      },
    },
    problem,
    input.element,
    how,
    h("div", { class: "row" }, begin, h("a", { class: "button plain", href: "#/start" }, "Something else")),
  );
  put(root, h("div", { class: "head-line" }, h("h1", {}, "Start ", one.name), h("a", { class: "soft", href: link([one.kind, one.name]) }, "what it is")), h("div", { class: "words" }, markdown(one.description)), form);
}

/** What was filled in of the options. */
function asked(how) {
  const options = {};
  how.querySelectorAll("input, select").forEach((field) => {
    const value = field.value.trim();
    if (value) options[field.name] = field.name === "tags" ? value.split(",").map((tag) => tag.trim()).filter(Boolean) : value;
  });
  return options;
}

