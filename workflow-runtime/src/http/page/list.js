// A list of any length in which only the rows that are seen exist.

import { h } from "./dom.js";

/**
 * `make(item)` gives a row, `update(row, item, index)` brings it up to date; `near` is called when the end comes near.
 * A row stays the same element as long as its item is seen, so that focus and selection of text stay.
 */
export function virtualList({ height, make, update, key, near, label, role = "rowgroup" }) {
  const body = h("div", { class: "rows", role });
  const box = h("div", { class: "scroller", tabindex: "-1", "aria-label": label }, body);
  const rows = new Map();
  let items = [];
  let size = height();
  let queued = false;

  const range = () => {
    const first = Math.max(0, Math.floor(box.scrollTop / size) - 8);
    const last = Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / size) + 8);
    return [first, last];
  };
  const draw = () => {
    queued = false;
    size = height();
    body.style.height = `${items.length * size}px`;
    const [first, last] = range();
    const stale = new Set(rows.keys());
    for (let index = first; index < last; index += 1) stale.delete(key(items[index]));
    stale.forEach((id) => {
      rows.get(id).remove();
      rows.delete(id);
    });
    // They stand in their order, for who hears them or goes through them by the keyboard; what is in its place is not touched.
    let next = body.firstChild;
    for (let index = first; index < last; index += 1) {
      const item = items[index];
      const id = key(item);
      let row = rows.get(id);
      if (!row) {
        row = make(item);
        row.classList.add("at");
        rows.set(id, row);
      }
      if (row === next) next = row.nextSibling;
      else body.insertBefore(row, next);
      const top = `translateY(${index * size}px)`;
      if (row.style.transform !== top) row.style.transform = top;
      update(row, item, index);
    }
    if (last >= items.length - 40) near?.();
  };
  const soon = () => {
    if (queued) return;
    queued = true;
    requestAnimationFrame(draw);
  };
  box.addEventListener("scroll", soon, { passive: true });
  const watch = new ResizeObserver(soon);
  watch.observe(box);

  return {
    box,
    set(next) {
      items = next;
      soon();
    },
    redraw: soon,
    /** Which items are seen, by their places. */
    seen: () => [Math.floor(box.scrollTop / size), Math.min(items.length, Math.ceil((box.scrollTop + box.clientHeight) / size))],
    show(index) {
      const top = index * size;
      if (top < box.scrollTop) box.scrollTop = top;
      else if (top + size > box.scrollTop + box.clientHeight) box.scrollTop = top + size - box.clientHeight;
      draw();
      return rows.get(key(items[index]));
    },
    close: () => watch.disconnect(),
  };
}
