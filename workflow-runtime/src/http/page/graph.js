// The picture of a job's workflow, coloured by where its steps stand. Workflows that it calls are opened in place.

import { address, get, getText, once, part } from "./api.js";
import { calm, button, h, keyed, put, s, say } from "./dom.js";
import { plainPath } from "./job_model.js";
import { atMost } from "./live.js";
import { picture } from "./picture.js";
import { badge, rebadge, together } from "./states.js";

const CHILDREN = 20; // of the jobs that do one step, so many are looked at

export function graphTab(model, { select, selected, opened, setOpened, narrowed }) {
  const canvas = h("div", { class: "canvas", tabindex: "0", role: "group", "aria-label": "The picture of the workflow" });
  const follow = h("button", { type: "button", class: "button small", "data-test": "follow", onclick: () => setFollow(follow.getAttribute("aria-pressed") !== "true") }, "Follow what runs");
  const zoom = (by) => () => scaleTo(by === 0 ? null : (scale ?? fitted()) * by);
  const element = h(
    "div",
    { class: "graph", "data-test": "graph" },
    h("div", { class: "row tab-tools" }, follow, h("span", { class: "gap" }), button("−", zoom(1 / 1.25), { class: "small", "aria-label": "Smaller" }), button("Fit", zoom(0), { class: "small" }), button("+", zoom(1.25), { class: "small", "aria-label": "Larger" })),
    canvas,
  );
  let svg = null;
  let drawn = null;
  let scale = null;
  let shape = "";
  let children = new Map();
  let stopped = false;
  let last = "";

  const setFollow = (on) => {
    follow.setAttribute("aria-pressed", String(on));
    last = "";
    try {
      localStorage.setItem("workflow-follow", on ? "on" : "off");
    } catch {
      // Then it holds until the page is left.
    }
    if (on) paint();
  };
  let wanted = "on";
  try {
    wanted = localStorage.getItem("workflow-follow") ?? "on";
  } catch {
    // As if nothing was chosen.
  }
  follow.setAttribute("aria-pressed", String(wanted === "on"));

  const natural = () => svg.viewBox.baseVal.width || 400;
  const fitted = () => Math.min(1.1, (canvas.clientWidth - 32) / natural());
  function scaleTo(next) {
    scale = next === null ? null : Math.max(0.2, Math.min(3, next));
    if (!svg?.viewBox) return;
    svg.style.width = `${natural() * (scale ?? Math.max(0.45, fitted()))}px`;
    svg.style.height = "auto";
  }
  const resized = new ResizeObserver(() => scale === null && scaleTo(null));
  resized.observe(canvas);

  async function draw() {
    const open = opened();
    const wish = JSON.stringify([model.view.name, open]);
    if (wish === drawn) return;
    drawn = wish;
    let next = null;
    try {
      const { workflows } = await once("api/catalogue");
      if (workflows.some((one) => one.definition.name === model.view.name)) next = picture(await getText(address(`api/workflows/${part(model.view.name)}/picture`, { open })));
    } catch (error) {
      return put(canvas, h("p", { class: "problem" }, error.message));
    }
    if (stopped || wish !== drawn) return;
    svg = next;
    shape = "";
    if (svg) {
      put(canvas, svg);
      wire();
      scaleTo(scale);
    }
    update();
  }

  /** What can be pressed. */
  function wire() {
    for (const group of svg.querySelectorAll("[data-step]")) {
      group.setAttribute("tabindex", "0");
      group.setAttribute("role", "button");
      // The whole box answers, not only what is drawn in it.
      group.style.pointerEvents = "bounding-box";
    }
    svg.addEventListener("click", (event) => press(event.target.closest("[data-step]"), event));
    svg.addEventListener("keydown", (event) => {
      if (event.key !== "Enter" && event.key !== " ") return;
      event.preventDefault();
      press(event.target.closest("[data-step]"), event);
    });
  }
  function press(group) {
    if (!group) return;
    const path = group.dataset.step;
    const isChild = group.hasAttribute("data-child") || opened().includes(path);
    if (isChild) setOpened(opened().includes(path) ? opened().filter((one) => one !== path && !one.startsWith(path + "/")) : [...opened(), path]);
    select(path);
  }

  /** All steps by what the picture calls them; those of opened children behind the path of the step that calls them. */
  function groups() {
    const found = new Map();
    const add = (steps, prefix, job) => {
      for (const step of steps) {
        const path = prefix + plainPath(step.path);
        if (!found.has(path)) found.set(path, []);
        found.get(path).push({ step, job });
      }
    };
    add(model.view.steps, "", model.id);
    for (const [prefix, views] of children) views.forEach((view) => add(view.steps, prefix + "/", view.id));
    return found;
  }

  const loadChildren = atMost(700, async () => {
    const next = new Map();
    // Outer ones first, for the inner ones are among their steps.
    for (const path of [...opened()].sort((a, b) => a.length - b.length)) {
      children = new Map([...children, ...next]);
      const jobs = (groups().get(path) ?? []).map(({ step }) => step.child).filter(Boolean).slice(-CHILDREN);
      const views = await Promise.all(jobs.map((job) => get(`api/jobs/${job}`).catch(() => null)));
      next.set(path, views.filter(Boolean));
    }
    if (stopped) return;
    children = next;
    paint();
    narrowed?.();
  });

  function paint() {
    const found = groups();
    if (!svg) return plain(found);
    const now = [];
    for (const group of svg.querySelectorAll("[data-step]")) {
      const path = group.dataset.step;
      const all = found.get(path) ?? [];
      const state = all.length ? together(all.map(({ step }) => step.state)) : "pending";
      if (state === "running" || state === "retrying" || state === "waiting") now.push(group);
      const done = all.filter(({ step }) => step.state === "succeeded").length;
      const tries = Math.max(0, ...all.map(({ step }) => step.attempts.length));
      const note = all.length > 1 ? `${done}/${all.length}` : tries > 1 ? `×${tries}` : "";
      const share = all.length === 1 && state === "running" ? model.progress.get(all[0].step.task) : null;
      const is = `${state} ${note} ${share ? share.fraction.toFixed(3) : ""} ${selected() === path}`;
      if (group.is === is) continue;
      group.is = is;
      group.setAttribute("data-state", state);
      group.classList.toggle("selected", selected() === path);
      group.setAttribute("aria-label", `${path}: ${state}${note ? `, ${note}` : ""}`);
      mark(group, state, note, share);
    }
    scrollTo(now);
  }

  /** A corner mark with the count, and a line that grows with the progress. */
  function mark(group, state, note, share) {
    group.querySelectorAll(":scope > .mark").forEach((old) => old.remove());
    const box = group.querySelector(":scope > rect:not([opacity], [stroke])");
    if (!box) return;
    const [x, y, width, height] = ["x", "y", "width", "height"].map((name) => Number(box.getAttribute(name)));
    if (note) {
      const wide = note.length * 6.4 + 10;
      group.append(s("g", { class: "mark count" }, s("rect", { x: x + width - wide + 6, y: y - 8, width: wide, height: 16, rx: 8 }), s("text", { x: x + width - wide / 2 + 6, y: y + 4, "text-anchor": "middle" }, note)));
    }
    if (share) group.append(s("rect", { class: "mark progress", x: x + 4, y: y + height - 4.5, width: Math.max(0, (width - 8) * share.fraction), height: 2.5, rx: 1 }));
  }

  function scrollTo(groups) {
    const paths = groups.map((group) => group.dataset.step).join();
    if (follow.getAttribute("aria-pressed") !== "true" || groups.length === 0 || paths === last) return;
    last = paths;
    // Of forms and what is in them, the innermost.
    const group = groups.find((one) => !groups.some((other) => other !== one && one.contains(other))) ?? groups.at(-1);
    const box = group.getBoundingClientRect();
    const frame = canvas.getBoundingClientRect();
    const out = (low, high, from, to) => (low < from + 12 || high > to - 12 ? (low + high) / 2 - (from + to) / 2 : 0);
    const top = out(box.top, box.bottom, frame.top, frame.bottom);
    const left = out(box.left, box.right, frame.left, frame.right);
    if (top || left) canvas.scrollBy({ top, left, behavior: calm() ? "auto" : "smooth" });
  }

  /** For jobs that no workflow declares: their tasks, one inside the other, as their paths tell. */
  function plain(found) {
    const paths = [...found.keys()];
    const key = paths.join();
    if (shape !== key || !canvas.querySelector(".boxes")) {
      shape = key;
      put(canvas, h("div", { class: "boxes" }));
    }
    keyed(
      canvas.querySelector(".boxes"),
      paths,
      (path) => path,
      (path) => {
        const box = h("button", { type: "button", class: "box", "data-step": path, style: { marginLeft: `${path.split("/").length * 22 - 22}px` }, onclick: () => select(path) });
        box.badge = badge("pending");
        box.count = h("span", { class: "soft" });
        box.append(box.badge, h("code", {}, path), box.count);
        return box;
      },
      (box, path) => {
        const all = found.get(path);
        const state = together(all.map(({ step }) => step.state));
        box.badge = rebadge(box.badge, state);
        say(box.count, all.length > 1 ? `${all.length}` : all[0].step.attempts.length > 1 ? `×${all[0].step.attempts.length}` : "");
        box.classList.toggle("selected", selected() === path);
      },
    );
  }

  function update() {
    draw();
    paint();
    if (opened().length) loadChildren();
  }
  return {
    element,
    update,
    paint,
    groups,
    close() {
      stopped = true;
      loadChildren.stop();
      resized.disconnect();
    },
  };
}
