// A very small Markdown, made of elements: paragraphs, lists, code, emphasis, links that lead out. Anything else is text.

import { h } from "./dom.js";

export function markdown(text) {
  const blocks = [];
  const lines = (text ?? "").split("\n");
  for (let at = 0; at < lines.length; ) {
    const line = lines[at];
    if (line.trim() === "") at += 1;
    else if (line.startsWith("```")) {
      const end = lines.findIndex((other, place) => place > at && other.startsWith("```"));
      const stop = end < 0 ? lines.length : end;
      blocks.push(h("pre", { class: "code" }, lines.slice(at + 1, stop).join("\n")));
      at = stop + 1;
    } else if (/^#{1,6} /.test(line)) {
      blocks.push(h("h3", {}, inline(line.replace(/^#+ /, ""))));
      at += 1;
    } else if (/^\s*([-*]|\d+\.) /.test(line)) {
      const items = [];
      while (at < lines.length && /^\s*([-*]|\d+\.) /.test(lines[at])) {
        items.push(lines[at].replace(/^\s*([-*]|\d+\.) /, ""));
        at += 1;
        while (at < lines.length && /^\s{2,}\S/.test(lines[at]) && !/^\s*([-*]|\d+\.) /.test(lines[at])) items.push(`${items.pop()} ${lines[at++].trim()}`);
      }
      blocks.push(h("ul", { class: "list" }, items.map((item) => h("li", {}, inline(item)))));
    } else {
      const paragraph = [];
      while (at < lines.length && lines[at].trim() !== "" && !lines[at].startsWith("```")) paragraph.push(lines[at++].trim());
      blocks.push(h("p", {}, inline(paragraph.join(" "))));
    }
  }
  return blocks;
}

/** The first line, without marks. */
export const firstWords = (text) => (text ?? "").split("\n")[0].replace(MARK, (whole, code, strong, soft, words) => code ?? strong ?? soft ?? words ?? whole);

const MARK = /`([^`]+)`|\*\*([^*]+)\*\*|\*([^*\s][^*]*)\*|\[([^\]]+)\]\(([^)\s]+)\)/g;

function inline(text) {
  const parts = [];
  let from = 0;
  for (const match of text.matchAll(MARK)) {
    parts.push(text.slice(from, match.index));
    const [whole, code, strong, soft, words, to] = match;
    if (code) parts.push(h("code", {}, code));
    else if (strong) parts.push(h("strong", {}, strong));
    else if (soft) parts.push(h("em", {}, soft));
    else if (/^https?:\/\//.test(to)) parts.push(h("a", { href: to, rel: "noreferrer noopener", target: "_blank" }, words));
    else parts.push(words ?? whole);
    from = match.index + whole.length;
  }
  parts.push(text.slice(from));
  return parts;
}
