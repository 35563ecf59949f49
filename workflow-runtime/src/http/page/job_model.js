// What is known of one job, kept up to date by what the server sends; pages look at it and are told when it changes.

import { get } from "./api.js";
import { atMost, stream } from "./live.js";
import { isOver } from "./states.js";

/** The path without the places in lists: what the picture calls the step. */
export const plainPath = (path) => path.replace(/\[\d+\]/g, "");

/** Steps with what is inside of a form, or was made by a step, right behind it. */
export function treeOrder(steps) {
  const inside = new Map();
  const paths = new Set(steps.map((step) => step.path));
  const around = (path) => {
    for (let parts = path.split("/").slice(0, -1); parts.length; parts = parts.slice(0, -1)) {
      const whole = parts.join("/");
      for (const outer of [whole, whole.replace(/\[\d+\]$/, "")]) if (paths.has(outer)) return outer;
    }
    return null;
  };
  for (const step of steps) {
    const outer = around(step.path);
    if (!inside.has(outer)) inside.set(outer, []);
    inside.get(outer).push(step);
  }
  const ordered = [];
  const take = (path) => {
    const own = inside.get(path) ?? [];
    inside.delete(path);
    for (const step of own) {
      ordered.push(step);
      take(step.path);
    }
  };
  take(null);
  return ordered;
}

export function jobModel(id) {
  const listeners = new Set();
  let closeStream = null;
  let gone = false;
  let uncut = null;
  const model = {
    id,
    view: null,
    lines: [],
    progress: new Map(),
    failed: null,
    listen(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    /** Everything without cuts; asked for once for each state of the job. */
    whole() {
      uncut ??= get(`api/jobs/${id}`, { whole: "true" });
      uncut.catch(() => (uncut = null));
      return uncut;
    },
    step: (task) => model.view?.steps.find((step) => step.task === task),
    refresh: atMost(500, load),
    close() {
      gone = true;
      model.refresh.stop();
      closeStream?.();
    },
  };

  const tell = (what) => gone || listeners.forEach((listener) => listener(what));

  async function load() {
    try {
      const view = await get(`api/jobs/${id}`);
      if (gone) return;
      keepSame(model.view, view);
      model.view = view;
      model.failed = null;
      uncut = null;
      // A view that was asked for earlier may not know of a step that has told how far it is.
      for (const step of view.steps) if (isOver(step.state)) model.progress.delete(step.task);
    } catch (error) {
      if (gone) return;
      model.failed = error;
    }
    tell("view");
  }

  let telling = null;
  const follow = () => {
    closeStream = stream(
      `api/jobs/${id}/events`,
      {
        line(line) {
          if (model.lines.length && line.number <= model.lines.at(-1).number) return;
          model.lines.push(line);
          telling ??= requestAnimationFrame(() => {
            telling = null;
            tell("lines");
          });
          model.refresh();
        },
        progress(progress) {
          model.progress.set(progress.task, progress);
          tell("progress");
        },
        head(head) {
          if (!model.view) return;
          Object.assign(model.view, head);
          tell("head");
        },
        over() {
          closeStream();
          model.refresh();
        },
      },
      () => ({ after: model.lines.at(-1)?.number }),
    );
  };

  model.start = async () => {
    await load();
    if (!gone && model.view) follow();
  };
  return model;
}

/** Steps that did not change stay the same objects, so that what shows them need not look again. */
function keepSame(old, next) {
  if (!old) return;
  const known = new Map(old.steps.map((step) => [step.task, step]));
  next.steps = next.steps.map((step) => {
    const before = known.get(step.task);
    return before && JSON.stringify(before) === JSON.stringify(step) ? before : step;
  });
}
