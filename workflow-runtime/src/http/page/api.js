// Asking the server. Addresses are relative: the pages may be mounted anywhere.

import { knockBy, lost, reached } from "./connection.js";

/** What the server did not do, and why. */
export class Refused extends Error {
  constructor(status, error) {
    super(error?.message ?? `the server answered with status ${status}`);
    this.status = status;
    this.kind = error?.kind ?? "unknown";
    this.fields = error?.fields ?? [];
  }
}

/** An address with what is asked; lists are repeated, what is empty is left out. */
export function address(path, query = {}) {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const one of Array.isArray(value) ? value : [value]) {
      if (one !== null && one !== undefined && one !== "" && one !== false) search.append(name, one);
    }
  }
  const text = search.toString();
  return text ? `${path}?${text}` : path;
}

export const part = encodeURIComponent;

async function ask(path, init) {
  let response;
  try {
    response = await fetch(path, { credentials: "same-origin", cache: "no-store", ...init });
  } catch (error) {
    if (error.name === "AbortError") throw error;
    lost();
    throw new Refused(0, { kind: "unreachable", message: "the server cannot be reached; this page goes on when it is back" });
  }
  reached();
  if (response.ok) return response;
  let error = null;
  try {
    error = (await response.json()).error;
  } catch {
    // A proxy may have answered; then the status is all there is.
  }
  const refused = new Refused(response.status, error);
  if (response.status === 401 && path !== "api/login") document.dispatchEvent(new CustomEvent("login-needed"));
  throw refused;
}

export async function get(path, query, signal) {
  return (await ask(address(path, query), { signal })).json();
}

export async function getText(path, query, signal) {
  return (await ask(address(path, query), { signal })).text();
}

/** `body` may be JSON text already. */
export async function post(path, body = {}) {
  const response = await ask(path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-workflow": "1" },
    body: typeof body === "string" ? body : JSON.stringify(body),
  });
  return response.json();
}

knockBy(async () => {
  try {
    await fetch("api/about", { cache: "no-store" });
    return true;
  } catch {
    return false;
  }
});

const kept = new Map();

/** What hardly changes while a page is open is asked for once. */
export function once(path) {
  if (!kept.has(path)) {
    const asked = get(path);
    kept.set(path, asked);
    asked.catch(() => kept.delete(path));
  }
  return kept.get(path);
}

export const forget = () => kept.clear();
