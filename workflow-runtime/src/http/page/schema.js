// Reading JSON Schema: what a place in a document may hold, in the terms of a form.

/** A schema with its `$ref` followed and a lone `allOf` merged in; words that stand beside a reference win. */
export function resolve(schema, root, depth = 0) {
  if (schema === true || schema === undefined || schema === null) return {};
  if (schema === false) return { not: {} };
  if (depth > 30) return {};
  let found = schema;
  if (typeof schema.$ref === "string") {
    const { $ref, ...beside } = schema;
    found = { ...resolve(pointed(root, $ref), root, depth + 1), ...beside };
  }
  if (Array.isArray(found.allOf)) {
    const { allOf, ...beside } = found;
    found = allOf.map((one) => resolve(one, root, depth + 1)).reduce(merged, {});
    found = merged(found, beside);
  }
  return found;
}

function merged(one, other) {
  const both = { ...one, ...other };
  if (one.properties && other.properties) both.properties = { ...one.properties, ...other.properties };
  if (one.required && other.required) both.required = [...new Set([...one.required, ...other.required])];
  return both;
}

function pointed(root, ref) {
  if (!ref.startsWith("#")) return true;
  return pointerParts(decodeURIComponent(ref.slice(1))).reduce((inner, key) => inner?.[key], root) ?? true;
}

/** The keys of a JSON pointer. */
export const pointerParts = (pointer) => pointer.split("/").slice(1).map((part) => part.replaceAll("~1", "/").replaceAll("~0", "~"));

export const pointer = (parts) => parts.map((part) => "/" + String(part).replaceAll("~", "~0").replaceAll("/", "~1")).join("");

const isNull = (schema) => schema.type === "null" || schema.const === null;

/** What a schema is for a form: its kind, and the schema without what made it that kind. */
export function understand(schema, root) {
  const found = resolve(schema, root);
  const choices = found.oneOf ?? found.anyOf;
  if (Array.isArray(found.type)) {
    const types = found.type.filter((type) => type !== "null");
    const nullable = types.length < found.type.length;
    if (types.length === 1) return { ...understand({ ...found, type: types[0], enum: found.enum?.filter((one) => one !== null) }, root), nullable };
    return { kind: "any", schema: found, nullable };
  }
  if (Array.isArray(choices)) {
    const all = choices.map((one) => ({ given: one, read: resolve(one, root) }));
    const real = all.filter(({ read }) => !isNull(read));
    const nullable = real.length < all.length;
    const beside = { ...found };
    delete beside.oneOf;
    delete beside.anyOf;
    if (real.length === 1) return { ...understand(beside.type || beside.properties ? merged(real[0].read, beside) : { ...real[0].read, ...beside }, root), nullable };
    if (real.every(({ read }) => "const" in read || Array.isArray(read.enum))) {
      const options = real.flatMap(({ read }) => (read.enum ?? [read.const]).map((value) => ({ value, words: read.description })));
      return { kind: "choice", schema: beside, options, nullable };
    }
    return { kind: "variants", schema: beside, variants: real.map(({ given, read }, place) => ({ schema: given, read, name: named(given, read, place) })), nullable };
  }
  if ("const" in found) return { kind: "const", schema: found, value: found.const };
  if (Array.isArray(found.enum)) return { kind: "choice", schema: found, options: found.enum.map((value) => ({ value })) };
  const type = found.type ?? (found.properties || found.additionalProperties ? "object" : found.items || found.prefixItems ? "array" : null);
  if (type === "object") {
    const fields = Object.keys(found.properties ?? {}).length > 0;
    if (fields) return { kind: "object", schema: found };
    return { kind: found.additionalProperties === false ? "object" : "map", schema: found };
  }
  if (type === "array") return { kind: Array.isArray(found.prefixItems) ? "tuple" : "array", schema: found };
  if (["string", "integer", "number", "boolean", "null"].includes(type)) return { kind: type, schema: found };
  return { kind: "any", schema: found };
}

/** What a variant is called: its title, the value that marks it, its only property, or its kind. */
function named(given, read, place) {
  if (read.title) return read.title;
  const properties = Object.entries(read.properties ?? {});
  const marked = properties.find(([, one]) => one !== null && typeof one === "object" && ("const" in one || one.enum?.length === 1));
  if (marked) return String(marked[1].const ?? marked[1].enum[0]);
  if (properties.length === 1) return properties[0][0];
  if ("const" in read) return String(read.const);
  if (typeof given.$ref === "string") return given.$ref.split("/").at(-1);
  return read.description?.split(/[.\n]/)[0] ?? read.type ?? `variant ${place + 1}`;
}

/** Whether a value could be of this schema, roughly: enough to choose among variants. */
export function fits(value, schema, root, depth = 0) {
  if (depth > 6) return true;
  const seen = understand(schema, root);
  if (value === null) return Boolean(seen.nullable) || seen.kind === "null" || seen.kind === "any";
  const inner = seen.schema;
  switch (seen.kind) {
    case "const":
      return JSON.stringify(seen.value) === JSON.stringify(value);
    case "choice":
      return seen.options.some((option) => JSON.stringify(option.value) === JSON.stringify(value));
    case "variants":
      return seen.variants.some((variant) => fits(value, variant.schema, root, depth + 1));
    case "object": {
      if (typeof value !== "object" || Array.isArray(value)) return false;
      if ((inner.required ?? []).some((key) => !(key in value))) return false;
      if (inner.additionalProperties === false && Object.keys(value).some((key) => !(key in (inner.properties ?? {})))) return false;
      return Object.entries(inner.properties ?? {}).every(([key, one]) => !(key in value) || fits(value[key], one, root, depth + 1));
    }
    case "map":
      return typeof value === "object" && !Array.isArray(value);
    case "array":
      return Array.isArray(value) && value.slice(0, 3).every((item) => fits(item, inner.items, root, depth + 1));
    case "tuple":
      return Array.isArray(value);
    case "integer":
      return Number.isInteger(value);
    case "any":
      return true;
    default:
      return typeof value === seen.kind;
  }
}

/** The type in a few words, for tables. */
export function typeWords(schema, root) {
  const seen = understand(schema, root);
  const words = {
    object: () => seen.schema.title ?? "object",
    map: () => `map of ${typeof seen.schema.additionalProperties === "object" ? typeWords(seen.schema.additionalProperties, root) : "anything"}`,
    array: () => `list of ${typeWords(seen.schema.items, root)}`,
    tuple: () => `(${seen.schema.prefixItems.map((one) => typeWords(one, root)).join(", ")})`,
    choice: () => seen.options.map((option) => JSON.stringify(option.value)).join(" | "),
    variants: () => seen.variants.map((variant) => variant.name).join(" | "),
    const: () => JSON.stringify(seen.value),
    any: () => "anything",
  };
  const name = typeof schema?.$ref === "string" ? schema.$ref.split("/").at(-1) : null;
  const own = words[seen.kind]?.() ?? [seen.kind, seen.schema.format].filter(Boolean).join(" ");
  return (seen.kind === "object" && name ? name : own) + (seen.nullable ? " or null" : "");
}

const plain = (text) => (text ?? "").replace(/\s+/g, " ").trim();

/** A schema without its words, if they are said above it already. */
export function unsaid(schema, said) {
  if (!schema?.description || plain(schema.description) !== plain(said)) return schema;
  const { description, ...rest } = schema;
  return rest;
}
