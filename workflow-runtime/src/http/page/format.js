// Times, durations and sizes, as people read them.

let shift = 0;

/** The server's clock is taken as the right one. */
export function clockIs(now) {
  const there = Date.parse(now);
  if (Number.isFinite(there)) shift = there - Date.now();
}

export const now = () => Date.now() + shift;

/** Milliseconds since 1970, or none. */
export const moment = (text) => (text ? Date.parse(text) : null);

/** `350 ms`, `4.2 s`, `3 min 20 s`, `2 d 4 h`. */
export function duration(ms) {
  if (ms === null || ms === undefined || !Number.isFinite(ms)) return "";
  if (ms < 0) ms = 0;
  if (ms < 1) return ms === 0 ? "0 ms" : "< 1 ms";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  if (ms < 9950) return `${(ms / 1000).toFixed(1)} s`;
  let seconds = Math.round(ms / 1000);
  const parts = [];
  for (const [unit, size] of [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]]) {
    const count = Math.floor(seconds / size);
    if (count > 0 && parts.length < 2) parts.push(`${count} ${unit}`);
    else if (parts.length) break;
    seconds -= count * size;
  }
  return parts.join(" ");
}

/** `12 s ago`, `in 3 min`. */
export function ago(text) {
  const at = moment(text);
  if (at === null) return "";
  const gone = now() - at;
  if (Math.abs(gone) < 1000) return "just now";
  const rough = coarse(Math.abs(gone));
  return gone > 0 ? `${rough} ago` : `in ${rough}`;
}

function coarse(ms) {
  const seconds = ms / 1000;
  if (seconds < 60) return `${Math.floor(seconds)} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 86400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86400)} d`;
}

const DAY = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const SHORT = new Intl.DateTimeFormat(undefined, {
  month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const NEXT = new Intl.DateTimeFormat(undefined, {
  weekday: "short", month: "short", day: "numeric", hour: "2-digit", minute: "2-digit", hourCycle: "h23",
});

const told = (how) => (text) => {
  const at = moment(text);
  return at === null || Number.isNaN(at) ? "" : how.format(at);
};

/** With the day, long. */
export const date = told(DAY);
/** With the day, short. */
export const when = told(SHORT);
/** With the weekday, to the minute. */
export const next = told(NEXT);

/** The time of the day, to the millisecond. */
export function clock(text) {
  const at = moment(text);
  if (at === null) return "";
  return `${CLOCK.format(at)}.${String(Math.floor(at % 1000)).padStart(3, "0")}`;
}

export function bytes(count) {
  for (const [unit, size] of [["GB", 1e9], ["MB", 1e6], ["KB", 1e3]]) {
    if (count >= size) return `${(count / size).toFixed(count / size < 10 ? 1 : 0)} ${unit}`;
  }
  return `${count} bytes`;
}

export const number = (value) => (value ?? 0).toLocaleString("en");

export const plural = (count, one, many = one + "s") => `${number(count)} ${count === 1 ? one : many}`;

/** What tells ids of one hour apart. */
export const shortId = (id) => id.slice(-12);
