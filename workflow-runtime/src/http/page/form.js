// A form made of a JSON Schema. Each field is `{ element, get, set, at, tell }`: it gives its value, takes one, finds the
// field of a place inside of it, and shows what is wrong with it.

import { button, h, put } from "./dom.js";
import { Unfinished, scalarField } from "./form_scalar.js";
import { fits, understand } from "./schema.js";

let count = 0;

/** A form for a whole document. */
export function schemaForm(schema, value) {
  const field = fieldOf(schema, { root: schema, name: null, required: true, depth: 0 });
  if (value !== undefined) field.set(value);
  return field;
}

/** A field with its name, its words and its problem around it. */
function fieldOf(schema, { root, name, required, depth, lead = null, remove = null }) {
  const seen = understand(schema, root);
  const id = `field-${++count}`;
  const make = () => inner(seen, { root, id, required, depth });
  const problem = h("p", { class: "field-problem", id: `${id}-problem`, role: "alert", hidden: true });
  const isGroup = ["object", "array", "tuple", "map", "variants"].includes(seen.kind);
  const optional = (!required || seen.nullable) && (isGroup || seen.kind === "any" || seen.kind === "boolean" || seen.kind === "const");
  // What may be left out, and what would never end, is made when it is wanted.
  const folded = optional || (isGroup && depth > 5);
  const place = h("div", { class: "field-place" });
  let field = null;
  const add = button(`Add ${name ?? "it"}`, () => open(true), { class: "small", "data-test": "add-optional" });
  const drop = button("Leave out", () => close(), { class: "plain small" });
  const open = (focus) => {
    field = make();
    put(place, field.element);
    add.hidden = true;
    drop.hidden = !folded;
    if (focus) place.querySelector("input, select, textarea")?.focus();
  };
  const close = () => {
    field = null;
    put(place);
    add.hidden = false;
    drop.hidden = true;
  };
  const hasInput = !isGroup && seen.kind !== "const" && seen.kind !== "null";
  const label = name !== null && h(hasInput ? "label" : "span", { class: "field-name", ...(hasInput ? { for: id } : { id: `${id}-name` }) }, name, !required && h("span", { class: "soft" }, " optional"));
  const words = seen.schema.description && h("p", { class: "field-words", id: `${id}-words` }, seen.schema.description);
  const element = h(
    "div",
    { class: `field kind-${seen.kind}${depth > 0 && isGroup ? " group" : ""}`, role: isGroup && name !== null ? "group" : null, "aria-labelledby": isGroup && name !== null ? `${id}-name` : null, "data-test": "field", "data-name": name ?? "" },
    (label || folded || remove) && h("div", { class: "field-head" }, lead, label, add, h("span", { class: "gap" }), drop, remove),
    words,
    place,
    problem,
  );
  if (folded) close();
  else open(false);
  if (!folded) drop.hidden = add.hidden = true;

  const tell = (message) => {
    problem.textContent = message ?? "";
    problem.hidden = !message;
    const input = element.querySelector(`#${id}`);
    if (!input) return;
    if (message) input.setAttribute("aria-invalid", "true");
    else input.removeAttribute("aria-invalid");
    input.setAttribute("aria-describedby", [words && `${id}-words`, message && `${id}-problem`].filter(Boolean).join(" "));
  };
  element.addEventListener("input", (event) => event.target.id === id && tell(null));
  return {
    element,
    tell,
    /** Takes all problems away. */
    clear() {
      tell(null);
      field?.clear?.();
    },
    /** The value; undefined if it is left out. */
    get() {
      if (!field) return required && !seen.nullable ? missing(tell, name) : required ? null : undefined;
      try {
        const value = field.get();
        if (value === undefined && required && seen.nullable) return null;
        return value;
      } catch (error) {
        if (error instanceof Unfinished && error.message) tell(error.message);
        throw new Unfinished("");
      }
    },
    set(value) {
      if (value === undefined || (value === null && folded)) return folded ? close() : field?.set(value);
      if (!field) open(false);
      return field.set(value);
    },
    at(parts) {
      if (parts.length === 0 || !field?.at) return this;
      return field.at(parts) ?? this;
    },
  };
}

function missing(tell, name) {
  tell(`${name ?? "this"} is required`);
  throw new Unfinished("");
}

function inner(seen, how) {
  const kinds = { object, array, tuple, map, variants };
  return (kinds[seen.kind] ?? scalarField)(seen, how);
}

/** Asks every field, so that all problems are shown at once. */
function collect(fields, take) {
  let unfinished = false;
  for (const [key, field] of fields) {
    try {
      take(key, field.get());
    } catch (error) {
      if (!(error instanceof Unfinished)) throw error;
      unfinished = true;
    }
  }
  if (unfinished) throw new Unfinished("");
}

function object({ schema }, { root, depth }) {
  const required = new Set(schema.required ?? []);
  const names = Object.keys(schema.properties ?? {}).sort((a, b) => required.has(b) - required.has(a));
  const fields = new Map(names.map((name) => [name, fieldOf(schema.properties[name], { root, name, required: required.has(name), depth: depth + 1 })]));
  let beyond = {};
  return {
    element: h("div", { class: "fields" }, [...fields.values()].map((field) => field.element), names.length === 0 && h("p", { class: "soft" }, "Nothing is asked for.")),
    get() {
      const value = {};
      collect(fields, (name, inside) => inside !== undefined && (value[name] = inside));
      return { ...value, ...beyond };
    },
    set(value) {
      for (const [name, field] of fields) field.set(value?.[name]);
      // What the schema does not name is kept.
      beyond = Object.fromEntries(Object.entries(value ?? {}).filter(([name]) => !fields.has(name)));
    },
    at: ([name, ...rest]) => fields.get(name)?.at(rest),
    clear: () => fields.forEach((field) => field.clear()),
  };
}

function array({ schema }, { root, depth }) {
  let fields = [];
  const list = h("div", { class: "items" });
  const draw = () => {
    list.replaceChildren(...fields.map((field) => field.element));
    fields.forEach((field, place) => (field.number.textContent = `${place + 1}`));
  };
  const add = (value, focus = false) => {
    const number = h("span", { class: "item-number soft" });
    const remove = button("Remove", () => {
      fields = fields.filter((one) => one !== field);
      draw();
    }, { class: "plain small" });
    const field = fieldOf(schema.items, { root, name: null, required: true, depth: depth + 1, lead: number, remove });
    field.number = number;
    if (value !== undefined) field.set(value);
    fields.push(field);
    draw();
    if (focus) field.element.querySelector("input, select, textarea")?.focus();
  };
  for (let place = 0; place < Math.min(schema.minItems ?? 0, 20); place += 1) add();
  return {
    element: h("div", {}, list, button("Add one", () => add(undefined, true), { class: "small", "data-test": "add-item" })),
    get() {
      const value = [];
      collect(fields.entries(), (_, inside) => value.push(inside ?? null));
      if (value.length < (schema.minItems ?? 0)) throw new Unfinished(`at least ${schema.minItems} are needed`);
      if (value.length > (schema.maxItems ?? Infinity)) throw new Unfinished(`at most ${schema.maxItems} are taken`);
      return value;
    },
    set(value) {
      fields = [];
      (value ?? []).forEach((item) => add(item));
      draw();
    },
    at: ([place, ...rest]) => fields[place]?.at(rest),
    clear: () => fields.forEach((field) => field.clear()),
  };
}

function tuple({ schema }, { root, depth }) {
  const fields = schema.prefixItems.map((one, place) => fieldOf(one, { root, name: `${place + 1}`, required: true, depth: depth + 1 }));
  return {
    element: h("div", { class: "fields" }, fields.map((field) => field.element)),
    get() {
      const value = [];
      collect(fields.entries(), (_, inside) => value.push(inside));
      return value;
    },
    set: (value) => fields.forEach((field, place) => field.set(value?.[place])),
    at: ([place, ...rest]) => fields[place]?.at(rest),
    clear: () => fields.forEach((field) => field.clear()),
  };
}

function map({ schema }, { root, depth }) {
  let rows = [];
  const list = h("div", { class: "items" });
  const draw = () => list.replaceChildren(...rows.map((row) => row.element));
  const add = (name = "", value = undefined) => {
    const key = h("input", { value: name, placeholder: "name", "aria-label": "Name", class: "map-key", "data-test": "map-key" });
    const field = fieldOf(schema.additionalProperties ?? true, { root, name: null, required: true, depth: depth + 1 });
    if (value !== undefined) field.set(value);
    const row = { key, field };
    row.element = h("div", { class: "map-row" }, key, field.element, button("Remove", () => ((rows = rows.filter((one) => one !== row)), draw()), { class: "plain small" }));
    rows.push(row);
    draw();
  };
  return {
    element: h("div", {}, list, button("Add a name", () => (add(), rows.at(-1).key.focus()), { class: "small", "data-test": "add-name" })),
    get() {
      const value = {};
      collect(rows.map((row) => [row.key.value, row.field]), (name, inside) => Object.defineProperty(value, name, { value: inside, enumerable: true, configurable: true }));
      if (Object.keys(value).length < rows.length) throw new Unfinished("two have the same name");
      return value;
    },
    set(value) {
      rows = [];
      Object.entries(value ?? {}).forEach(([name, inside]) => add(name, inside));
      draw();
    },
    at: ([name, ...rest]) => rows.find((row) => row.key.value === name)?.field.at(rest),
    clear: () => rows.forEach((row) => row.field.clear()),
  };
}

function variants({ variants: all }, { root, id, depth }) {
  let field = null;
  const place = h("div", { class: "field-place" });
  const words = h("p", { class: "field-words" });
  const pick = h("select", { id, "data-test": "variant", onchange: () => choose(Number(pick.value)) }, all.map((variant, at) => h("option", { value: at }, variant.name)));
  const choose = (at) => {
    pick.value = at;
    field = fieldOf({ ...all[at].read, description: undefined }, { root, name: null, required: true, depth: depth + 1 });
    put(place, field.element);
    put(words, all[at].read.description ?? "");
    words.hidden = !all[at].read.description;
  };
  choose(0);
  return {
    element: h("div", { class: "variants" }, pick, words, place),
    get: () => field.get(),
    set(value) {
      if (value === undefined) return;
      const at = all.findIndex((variant) => fits(value, variant.schema, root));
      if (at >= 0) choose(at);
      field.set(value);
    },
    at: (parts) => field.at(parts),
    clear: () => field.clear(),
  };
}
