// Where one is, in the part of the address behind `#`: `#/jobs?state=failed`, `#/jobs/ID/timeline`.

/** The parts of the path, and what is asked for; what is asked for twice is a list. */
export function route() {
  const [path, search = ""] = location.hash.replace(/^#\/?/, "").split("?", 2);
  const parts = path.split("/").filter(Boolean).map(decode);
  return { parts: parts.length ? parts : ["jobs"], query: new URLSearchParams(search) };
}

function decode(text) {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function link(parts, query) {
  const path = `#/${parts.map(encodeURIComponent).join("/")}`;
  const search = query ? query.toString() : "";
  return search ? `${path}?${search}` : path;
}

export const jobLink = (id) => link(["jobs", id]);

export function go(parts, query) {
  location.hash = link(parts, query);
}

/** Changes the address without a new entry in the history; whoever listens for routes is told. */
export function swap(parts, query) {
  history.replaceState(null, "", link(parts, query));
  window.dispatchEvent(new HashChangeEvent("hashchange"));
}
