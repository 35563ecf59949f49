// A value that a person writes: by a form if there is a schema, or as JSON. What the server says is shown at its place.

import { button, h, put } from "./dom.js";
import { schemaForm } from "./form.js";
import { Unfinished } from "./form_scalar.js";
import { lineOf, locate, read } from "./json_text.js";
import { fits, pointerParts } from "./schema.js";

let count = 0;

/** Gives `{ element, text, tell, clear }`; `text()` is the JSON that is sent, or throws `Unfinished`. */
export function editor({ schema, value, label = "Input" }) {
  const id = `json-${++count}`;
  const area = h("textarea", { id, class: "mono json", rows: 12, spellcheck: "false", "aria-label": `${label}, as JSON`, "data-test": "json", "aria-describedby": `${id}-problems` });
  const problems = h("ul", { class: "problems", id: `${id}-problems`, role: "alert", "data-test": "problems" });
  const body = h("div", {});
  const known = schema !== undefined && schema !== null;
  let form = null;
  const asForm = button("Form", () => toForm(), { class: "small", "data-test": "as-form" });
  const asJson = button("JSON", () => toJson(), { class: "small", "data-test": "as-json" });
  const element = h("div", { class: "editor", "data-test": "editor" }, h("div", { class: "row editor-head" }, h("h3", {}, label), h("span", { class: "gap" }), known && h("div", { class: "switch", role: "group", "aria-label": "How it is written" }, asForm, asJson)), body, problems);

  const shown = (mode) => {
    asForm.setAttribute("aria-pressed", String(mode === "form"));
    asJson.setAttribute("aria-pressed", String(mode === "json"));
    put(problems);
    put(body, mode === "form" ? form.element : area);
  };
  function toJson(given) {
    if (given === undefined && form) {
      try {
        given = form.get();
      } catch (error) {
        if (!(error instanceof Unfinished)) throw error;
        given = undefined;
      }
    }
    if (given !== undefined) area.value = JSON.stringify(given, null, 2);
    form = null;
    shown("json");
  }
  function toForm() {
    if (form) return;
    if (area.value.trim() !== "") {
      const got = read(area.value);
      if (got.problem) return list([{ words: got.problem, at: [got.at, got.at + 1] }]);
      if (!fits(got.value, schema, schema)) return list([{ words: "This value has parts that the form has no fields for; it can be sent as JSON." }]);
      form = schemaForm(schema, got.value);
    } else form = schemaForm(schema);
    shown("form");
  }
  /** Problems under the text; pressing one shows its place. */
  function list(all) {
    put(
      problems,
      all.map(({ words, at }) => h("li", {}, at ? h("button", { type: "button", class: "link", onclick: () => point(at) }, words) : words)),
    );
    area.toggleAttribute("aria-invalid", all.length > 0);
    if (all.length) area.setAttribute("aria-invalid", "true");
    if (all[0]?.at && !form) point(all[0].at);
  }
  function point([from, to]) {
    area.focus();
    area.setSelectionRange(from, to);
    const line = lineOf(area.value, from)[0];
    area.scrollTop = Math.max(0, (line - 4) * (area.scrollHeight / Math.max(1, area.value.split("\n").length)));
  }
  area.addEventListener("input", () => {
    put(problems);
    area.removeAttribute("aria-invalid");
  });
  area.addEventListener("blur", () => {
    const got = read(area.value);
    if (got.problem && area.value.trim() !== "") put(problems, h("li", {}, got.problem));
  });

  if (value !== undefined) area.value = JSON.stringify(value, null, 2);
  if (known && (value === undefined || fits(value, schema, schema))) toForm();
  else shown("json");

  return {
    element,
    text() {
      put(problems);
      if (form) {
        form.clear();
        try {
          const got = form.get();
          return JSON.stringify(got === undefined ? null : got);
        } catch (error) {
          if (error instanceof Unfinished) element.querySelector("[aria-invalid=true]")?.focus();
          throw error;
        }
      }
      const got = read(area.value);
      if (got.problem) {
        list([{ words: got.problem, at: [got.at, got.at + 1] }]);
        throw new Unfinished("");
      }
      // As it was written: numbers that this page could not hold stay exact.
      return area.value;
    },
    /** Shows what the server says of places. Gives whether all could be shown at one. */
    tell(fields) {
      if (!form) {
        list(fields.map(({ at, message }) => ({ words: `${at || "the whole"}: ${message}`, at: locate(area.value, pointerParts(at)) })));
        return fields.length > 0;
      }
      form.clear();
      fields.forEach(({ at, message }) => form.at(pointerParts(at)).tell(message));
      const first = element.querySelector("[aria-invalid=true], .field-problem:not([hidden])");
      first?.scrollIntoView({ block: "center" });
      first?.focus?.();
      return fields.length > 0;
    },
  };
}
