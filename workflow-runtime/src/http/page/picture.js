// A picture that the server drew, made safe to stand in the page: shapes and words, and nothing that acts or loads.

const SHAPES = new Set(["svg", "g", "title", "rect", "path", "circle", "text", "tspan", "line", "polyline", "polygon", "ellipse", "desc"]);
const NAMES = new Set([
  "viewBox", "width", "height", "x", "y", "dx", "dy", "rx", "ry", "r", "cx", "cy", "d", "points", "x1", "x2", "y1", "y2", "fill", "fill-opacity",
  "stroke", "stroke-width", "stroke-dasharray", "stroke-opacity", "opacity", "font-size", "font-family", "font-weight", "font-style",
  "text-anchor", "transform", "role", "data-step", "data-child", "data-open", "preserveAspectRatio",
]);

/** The element, or none if it is no picture. Only what is known is let through. */
export function picture(text) {
  // The page's own policy forbids style attributes, and would say so for each while they are parsed.
  const plain = text.replace(/ style="[^"]*"/g, "");
  const parsed = new DOMParser().parseFromString(plain, "image/svg+xml");
  const root = parsed.documentElement;
  if (root.localName !== "svg" || parsed.querySelector("parsererror")) return null;
  clean(root);
  return document.importNode(root, true);
}

function clean(element) {
  for (const { name, value } of [...element.attributes]) {
    if (!NAMES.has(name) || /url\s*\(|javascript:/i.test(value)) element.removeAttribute(name);
  }
  for (const child of [...element.children]) {
    if (SHAPES.has(child.localName)) clean(child);
    else child.remove();
  }
}
