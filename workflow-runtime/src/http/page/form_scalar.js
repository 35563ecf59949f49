// The fields that hold one value: texts, numbers, choices, and JSON where a schema says nothing.

import { h } from "./dom.js";

/** What `get` throws when a field holds nothing that could be sent. */
export class Unfinished extends Error {}

const INPUTS = { email: "email", "idn-email": "email", date: "date", uri: "url", url: "url", password: "password" };
const LIKE = { "date-time": "2026-01-31T12:00:00Z", uuid: "01a228eb-019c-7000-8000-0000fd290100", time: "12:00:00Z", duration: "PT10M", uri: "https://…", date: "2026-01-31", email: "name@example.org" };

/** One field for one value. Empty means left out where that may be. */
export function scalarField(seen, how) {
  switch (seen.kind) {
    case "string":
      return string(seen, how);
    case "integer":
    case "number":
      return number(seen, how);
    case "boolean":
      return boolean(seen, how);
    case "choice":
      return choice(seen, how);
    case "const":
      return { element: h("code", {}, JSON.stringify(seen.value)), get: () => seen.value, set() {} };
    case "null":
      return { element: h("code", {}, "null"), get: () => null, set() {} };
    default:
      return anything(seen, how);
  }
}

function string({ schema, nullable }, { id, required }) {
  const kind = schema.writeOnly || schema.format === "password" ? "password" : INPUTS[schema.format];
  const short = kind || schema.format || schema.pattern || (schema.maxLength ?? Infinity) <= 80;
  const shared = { id, placeholder: LIKE[schema.format] ?? (schema.pattern ? `like ${schema.pattern}` : ""), "aria-required": String(required && !nullable), spellcheck: "false", autocomplete: "off" };
  const input = short ? h("input", { type: kind ?? "text", ...shared }) : h("textarea", { rows: 1, class: "grows", ...shared });
  input.value = schema.default ?? "";
  // An empty text is a text; but of what may be left out, an empty field is left out.
  let touched = required && !nullable;
  return {
    element: input,
    get() {
      const value = input.value;
      if (value === "" && !touched) return undefined;
      if (value === "" && (!required || nullable)) return undefined;
      const length = [...value].length;
      if (length < (schema.minLength ?? 0)) throw new Unfinished(schema.minLength === 1 ? "this must not be empty" : `at least ${schema.minLength} characters`);
      if (length > (schema.maxLength ?? Infinity)) throw new Unfinished(`at most ${schema.maxLength} characters, not ${length}`);
      if (schema.pattern && !matches(schema.pattern, value)) throw new Unfinished(`this must match ${schema.pattern}`);
      return value;
    },
    set(value) {
      input.value = value === undefined || value === null ? schema.default ?? "" : typeof value === "string" ? value : JSON.stringify(value);
      touched = touched || value !== undefined;
    },
  };
}

function matches(pattern, value) {
  try {
    return new RegExp(pattern, "u").test(value);
  } catch {
    return true; // Not every pattern is one of JavaScript's; the server knows better.
  }
}

function number({ kind, schema, nullable }, { id, required }) {
  const bounds = [
    schema.minimum !== undefined && `from ${schema.minimum}`,
    schema.exclusiveMinimum !== undefined && `above ${schema.exclusiveMinimum}`,
    schema.maximum !== undefined && `to ${schema.maximum}`,
    schema.exclusiveMaximum !== undefined && `below ${schema.exclusiveMaximum}`,
  ].filter(Boolean);
  const input = h("input", { id, inputmode: kind === "integer" ? "numeric" : "decimal", placeholder: bounds.join(" ") || (kind === "integer" ? "a whole number" : "a number"), class: "short", "aria-required": String(required && !nullable), autocomplete: "off" });
  input.value = schema.default ?? "";
  return {
    element: input,
    get() {
      const text = input.value.trim();
      if (text === "") {
        if (required && !nullable) throw new Unfinished("a number is needed");
        return undefined;
      }
      if (!/^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(text)) throw new Unfinished("this is not a number");
      const value = Number(text);
      if (kind === "integer" && !Number.isInteger(value)) throw new Unfinished("this must be a whole number");
      if (kind === "integer" && !Number.isSafeInteger(value)) throw new Unfinished("this is too large for a form; write it as JSON");
      if (value < schema.minimum) throw new Unfinished(`at least ${schema.minimum}`);
      if (value <= schema.exclusiveMinimum) throw new Unfinished(`more than ${schema.exclusiveMinimum}`);
      if (value > schema.maximum) throw new Unfinished(`at most ${schema.maximum}`);
      if (value >= schema.exclusiveMaximum) throw new Unfinished(`less than ${schema.exclusiveMaximum}`);
      return value;
    },
    set: (value) => (input.value = value === undefined || value === null ? schema.default ?? "" : typeof value === "number" ? value : JSON.stringify(value)),
  };
}

function boolean({ schema }, { id }) {
  const input = h("input", { id, type: "checkbox" });
  const words = h("span", { class: "soft" });
  const say = () => (words.textContent = input.checked ? "yes" : "no");
  input.checked = schema.default === true;
  input.addEventListener("change", say);
  say();
  return {
    element: h("label", { class: "row check" }, input, words),
    get: () => input.checked,
    set(value) {
      input.checked = (value ?? schema.default) === true;
      say();
    },
  };
}

function choice({ schema, options, nullable }, { id, required }) {
  const values = options.map((option) => option.value);
  const place = (value) => values.findIndex((one) => JSON.stringify(one) === JSON.stringify(value));
  const empty = !required || nullable || schema.default === undefined;
  const told = (option) => (typeof option.value === "string" ? option.value : JSON.stringify(option.value)) + (option.words ? `: ${option.words}` : "");
  const select = h("select", { id, "aria-required": String(required && !nullable) }, empty && h("option", { value: "-1" }, required && !nullable ? "choose …" : "none"), options.map((option, at) => h("option", { value: at }, told(option))));
  select.value = schema.default === undefined ? "-1" : place(schema.default);
  return {
    element: select,
    get() {
      const at = Number(select.value);
      if (at >= 0) return values[at];
      if (required && !nullable) throw new Unfinished("choose one");
      return undefined;
    },
    set: (value) => (select.value = place(value)),
  };
}

function anything(_, { id, required }) {
  const area = h("textarea", { id, rows: 2, class: "mono grows", placeholder: "JSON", spellcheck: "false" });
  return {
    element: area,
    get() {
      if (area.value.trim() === "") {
        if (required) throw new Unfinished("JSON is needed, such as null, 1, \"text\" or {}");
        return undefined;
      }
      try {
        return JSON.parse(area.value);
      } catch (error) {
        throw new Unfinished(`this is not JSON: ${error.message}`);
      }
    },
    set: (value) => (area.value = value === undefined ? "" : JSON.stringify(value, null, 2)),
  };
}
