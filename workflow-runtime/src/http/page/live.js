// What the server sends by itself. A stream that breaks goes on from where it was; one that nobody sees is closed.

import { address } from "./api.js";
import { lost, reached } from "./connection.js";

/**
 * Opens a stream. `on` has a function for each kind of event. `cursor` gives what to add to the address, so that nothing
 * comes twice. Gives a function that closes it.
 */
export function stream(path, on, cursor = () => ({})) {
  let source = null;
  let timer = null;
  let delay = 500;
  let closed = false;

  const open = () => {
    timer = null;
    if (closed || source || document.hidden) return;
    source = new EventSource(address(path, cursor()));
    source.onopen = () => {
      delay = 500;
      reached();
      on.open?.();
    };
    source.onerror = () => {
      // The browser would try again by itself, but not after an answer that is an error; so we do it, with our cursor.
      drop();
      if (closed) return;
      lost();
      timer = setTimeout(open, delay);
      delay = Math.min(delay * 2, 10000);
    };
    for (const [kind, take] of Object.entries(on)) {
      if (kind !== "open") source.addEventListener(kind, (event) => take(JSON.parse(event.data), event.lastEventId));
    }
  };
  const drop = () => {
    source?.close();
    source = null;
  };
  const seen = () => {
    // A browser has few connections to one server; tabs in the background leave them to others.
    clearTimeout(timer);
    if (document.hidden) drop();
    else open();
  };
  document.addEventListener("visibilitychange", seen);
  open();
  return () => {
    closed = true;
    clearTimeout(timer);
    document.removeEventListener("visibilitychange", seen);
    drop();
  };
}

/** Calls `act` at most once in `ms`, and never before the last call is done. */
export function atMost(ms, act) {
  let timer = null;
  let busy = false;
  let again = false;
  let last = -Infinity;
  let over = false;
  const run = async () => {
    timer = null;
    busy = true;
    last = performance.now();
    try {
      await act();
    } finally {
      busy = false;
      if (again) {
        again = false;
        ask();
      }
    }
  };
  const ask = () => {
    if (over || timer !== null) return;
    if (busy) again = true;
    else timer = setTimeout(run, Math.max(0, last + ms - performance.now()));
  };
  ask.stop = () => {
    over = true;
    clearTimeout(timer);
  };
  return ask;
}

/** Calls `act` every `ms` while somebody looks. */
export function every(ms, act) {
  const timer = setInterval(() => document.hidden || act(), ms);
  return () => clearInterval(timer);
}
