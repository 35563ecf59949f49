// Whether the server is reached, said to whoever wants to know. While it is not, it is tried again and again.

const listeners = new Set();
let state = "on";
let timer = null;
let delay = 1000;
let knock = async () => false;

/** How to find out whether the server is there again. */
export function knockBy(how) {
  knock = how;
}

export function onConnection(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

export const connected = () => state === "on";

function become(next) {
  if (state === next) return;
  state = next;
  listeners.forEach((listener) => listener(state));
}

export function reached() {
  delay = 1000;
  clearTimeout(timer);
  timer = null;
  become("on");
}

export function lost() {
  become("lost");
  if (timer !== null) return;
  timer = setTimeout(async () => {
    timer = null;
    delay = Math.min(delay * 1.6, 15000);
    if (await knock()) reached();
    else lost();
  }, delay);
}

/** Tries at once. */
export function tryNow() {
  clearTimeout(timer);
  timer = null;
  delay = 1000;
  knock().then((there) => (there ? reached() : lost()));
}
