// Elements, made without markup: whatever a job says is text, and stays text.

const SVG = "http://www.w3.org/2000/svg";

/** Characters that a reader would not see, or that would turn the text around them. */
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/g;

const NAMES = {
  0x061c: "ALM", 0x200b: "ZWSP", 0x200c: "ZWNJ", 0x200d: "ZWJ", 0x200e: "LRM", 0x200f: "RLM", 0x202a: "LRE",
  0x202b: "RLE", 0x202c: "PDF", 0x202d: "LRO", 0x202e: "RLO", 0x2066: "LRI", 0x2067: "RLI", 0x2068: "FSI",
  0x2069: "PDI", 0xfeff: "BOM",
};

/** A text in which such characters are seen. */
export function visible(text) {
  return String(text).replace(HIDDEN, (letter, at, whole) => {
    const code = letter.codePointAt(0);
    // Emoji are joined by it.
    if (code === 0x200d && at > 0 && whole.charCodeAt(at - 1) > 0x2190) return letter;
    if (code < 0x20) return String.fromCharCode(0x2400 + code);
    if (code === 0x7f) return "\u2421";
    return `\u2039${NAMES[code] ?? "U+" + code.toString(16).toUpperCase().padStart(4, "0")}\u203a`;
  });
}

function set(element, name, value) {
  if (value === null || value === undefined || value === false) return;
  if (name.startsWith("on") && typeof value === "function") element.addEventListener(name.slice(2), value);
  else if (name === "style") Object.assign(element.style, value);
  else if (name === "href" && !/^(#|api\/|https?:|mailto:|blob:)/.test(value)) return;
  else if (name === "value") element.value = value;
  else element.setAttribute(name, value === true ? "" : name === "title" || name.startsWith("aria-") ? visible(value) : value);
}

function fill(element, children) {
  for (const child of children.flat(Infinity)) {
    if (child === null || child === undefined || child === false) continue;
    element.append(child instanceof Node ? child : document.createTextNode(visible(child)));
  }
  return element;
}

/** An element with attributes, listeners (`onclick`) and children; texts among them are shown as they are. */
export function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  return fill(element, children);
}

/** The same for SVG. */
export function s(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes ?? {})) set(element, name, value);
  return fill(element, children);
}

/** Puts other children in the place of all that an element has. */
export function put(element, ...children) {
  element.replaceChildren();
  return fill(element, children);
}

/** Sets a text only if it is another one. */
export function say(element, text) {
  const shown = visible(text ?? "");
  if (element.textContent !== shown) element.textContent = shown;
}

/**
 * Keeps the children of `parent` in step with `items`: those whose key is there stay the same elements, and `update` is
 * told; others are made; what is left over goes.
 */
export function keyed(parent, items, key, make, update) {
  const old = parent.keyed ?? new Map();
  const now = new Map();
  let place = null;
  for (const item of items) {
    const id = key(item);
    let element = old.get(id);
    if (element) old.delete(id);
    else element = make(item);
    update?.(element, item);
    const next = place ? place.nextSibling : parent.firstChild;
    if (next !== element) parent.insertBefore(element, next);
    now.set(id, element);
    place = element;
  }
  old.forEach((element) => element.remove());
  parent.keyed = now;
}

/** A button. */
export function button(label, act, attributes = {}) {
  const { class: kind = "", ...rest } = attributes;
  return h("button", { type: "button", class: `button ${kind}`, onclick: act, ...rest }, label);
}

/** An icon of 16 by 16, drawn in lines. */
export function icon(path, kind = "icon") {
  return s("svg", { class: kind, viewBox: "0 0 16 16", width: 16, height: 16, "aria-hidden": "true" }, s("path", { d: path }));
}

export const calm = () => matchMedia("(prefers-reduced-motion: reduce)").matches;
