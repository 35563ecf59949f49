// A JSON Schema as people read it: names, types, words.

import { h } from "./dom.js";
import { typeWords, understand } from "./schema.js";

const DEEP = 5;

export function schemaView(schema) {
  return h("div", { class: "schema", "data-test": "schema" }, body(schema, schema, 0, new Set()));
}

function body(schema, root, depth, seen) {
  const one = understand(schema, root);
  const words = one.schema.description && h("p", { class: "soft" }, one.schema.description);
  if (one.kind === "object") return [words, rows(one.schema, root, depth, seen)];
  const inside = one.kind === "array" ? one.schema.items : one.kind === "map" ? one.schema.additionalProperties : null;
  const choices = one.kind === "choice" && one.options.some((option) => option.words) && h("ul", { class: "list" }, one.options.map((option) => h("li", {}, h("code", {}, JSON.stringify(option.value)), " ", h("span", { class: "soft" }, option.words))));
  return [h("p", {}, h("code", {}, typeWords(schema, root)), " ", h("span", { class: "soft" }, limits(one.schema))), words, choices, inside && nested(inside, root, depth, seen), one.kind === "variants" && variants(one, root, depth, seen)];
}

function rows(schema, root, depth, seen) {
  const required = new Set(schema.required ?? []);
  const entries = Object.entries(schema.properties ?? {});
  if (entries.length === 0) return h("p", { class: "soft" }, "nothing");
  return h(
    "dl",
    { class: "schema-rows" },
    entries.map(([name, inner]) => {
      const one = understand(inner, root);
      const bounds = limits(one.schema);
      const choices = one.kind === "choice" && one.options.some((option) => option.words);
      return h(
        "div",
        {},
        h("dt", {}, h("code", {}, name), !required.has(name) && h("span", { class: "soft" }, " optional")),
        h("dd", {}, h("code", { class: "type" }, typeWords(inner, root)), bounds && h("span", { class: "soft" }, ` ${bounds}`), one.schema.description && h("p", { class: "soft" }, one.schema.description), choices && h("ul", { class: "list" }, one.options.map((option) => h("li", {}, h("code", {}, JSON.stringify(option.value)), " ", h("span", { class: "soft" }, option.words)))), nested(inner, root, depth, seen)),
      );
    }),
  );
}

/** What is inside of a place, if there is more to say than its type. */
function nested(schema, root, depth, seen) {
  const ref = schema?.$ref ?? schema?.items?.$ref;
  if (depth >= DEEP || (ref && seen.has(ref))) return ref ? h("p", { class: "soft" }, "the same again") : null;
  const next = ref ? new Set([...seen, ref]) : seen;
  const one = understand(schema, root);
  if (one.kind === "object") return rows(one.schema, root, depth + 1, next);
  if (one.kind === "array") return nested(one.schema.items, root, depth + 1, next);
  if (one.kind === "map" && typeof one.schema.additionalProperties === "object") return nested(one.schema.additionalProperties, root, depth + 1, next);
  if (one.kind === "variants") return variants(one, root, depth + 1, next);
  return null;
}

const variants = (one, root, depth, seen) => h("ul", { class: "list" }, one.variants.map((variant) => h("li", {}, h("code", {}, variant.name), variant.read.description && h("span", { class: "soft" }, ` ${variant.read.description}`), depth < DEEP && nested(variant.schema, root, depth + 1, seen))));

function limits(schema) {
  const words = [
    schema.minimum !== undefined && `from ${schema.minimum}`, schema.exclusiveMinimum !== undefined && `above ${schema.exclusiveMinimum}`,
    schema.maximum !== undefined && `to ${schema.maximum}`, schema.exclusiveMaximum !== undefined && `below ${schema.exclusiveMaximum}`,
    schema.minLength === 1 && "not empty", schema.minLength > 1 && `at least ${schema.minLength} characters`, schema.maxLength !== undefined && `at most ${schema.maxLength} characters`,
    schema.minItems !== undefined && `at least ${schema.minItems}`, schema.maxItems !== undefined && `at most ${schema.maxItems}`,
    schema.pattern && `like ${schema.pattern}`, schema.uniqueItems && "each once", schema.default !== undefined && `${JSON.stringify(schema.default)} if left out`,
  ];
  return words.filter(Boolean).join(", ");
}
