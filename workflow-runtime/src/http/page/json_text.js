// Finding places in JSON text: where it stops being JSON, and where a pointer points to.

/** `{ value }`, or `{ problem, at }` with the place in the text. */
export function read(text) {
  if (text.trim() === "") return { problem: "there is nothing yet; JSON is needed", at: 0 };
  try {
    return { value: JSON.parse(text) };
  } catch (error) {
    const at = scan(text);
    const [line, column] = lineOf(text, at);
    const words = error.message.replace(/ in JSON at position.*| at line.*|JSON\.parse: /g, "");
    return { problem: `not JSON, at line ${line}, column ${column}: ${words}`, at };
  }
}

export function lineOf(text, at) {
  const before = text.slice(0, at).split("\n");
  return [before.length, before.at(-1).length + 1];
}

/** Where the value at these keys begins and ends, or null. The text is JSON. */
export function locate(text, parts) {
  let found = null;
  walk(text, (path, from, to) => {
    if (path.length === parts.length && path.every((key, at) => String(key) === parts[at])) found = [from, to];
  });
  return found;
}

/** How far the text is JSON. */
function scan(text) {
  return walk(text, () => {});
}

const SPACE = /[ \t\n\r]*/y;
const STRING = /"(?:[^"\\\u0000-\u001f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/y;
const OTHER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?|true|false|null/y;

/** Calls `visit(path, from, to)` for each value; gives where it could not go on. */
function walk(text, visit) {
  let at = 0;
  const take = (pattern) => {
    pattern.lastIndex = at;
    const match = pattern.exec(text);
    if (match) at += match[0].length;
    return match?.[0];
  };
  const eat = (letter) => {
    take(SPACE);
    if (text[at] !== letter) return false;
    at += 1;
    return true;
  };
  const value = (path) => {
    take(SPACE);
    const from = at;
    const ok = text[at] === "{" ? members(path, "}", true) : text[at] === "[" ? members(path, "]", false) : Boolean(take(STRING) ?? take(OTHER));
    if (ok) visit(path, from, at);
    return ok;
  };
  const members = (path, close, named) => {
    if (path.length > 500) return false;
    at += 1;
    if (eat(close)) return true;
    for (let place = 0; ; place += 1) {
      take(SPACE);
      let key = place;
      if (named) {
        const text = take(STRING);
        if (text === undefined || !eat(":")) return false;
        key = JSON.parse(text);
      }
      if (!value([...path, key])) return false;
      if (eat(close)) return true;
      if (!eat(",")) return false;
    }
  };
  value([]);
  take(SPACE);
  return at;
}
