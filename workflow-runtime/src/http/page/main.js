// The frame around the pages: where one can go, who one is, whether the server is there.

import { onConnection, tryNow } from "./connection.js";
import { attempt } from "./dialog.js";
import { button, h, icon, put, say } from "./dom.js";
import { help, pageKeys } from "./keys.js";
import { showLogin } from "./login.js";
import { route } from "./route.js";
import { learn, logOut, mayAct, session } from "./session.js";

const ICONS = {
  jobs: "M2.500 4h11M2.500 8h11M2.500 12h7",
  start: "M8 3v10M3 8h10",
  dead: "M2.500 9.500v3.500h11V9.500M2.500 9.500L4.500 3h7l2 6.500M2.500 9.500h3l1 1.500h3l1-1.500h3",
  queues: "M2 12V8h3v4zM6.500 12V5h3v7zM11 12V2.500h3V12z",
  schedules: "M8 2.500a5.500 5.500 0 1 0 0 11a5.500 5.500 0 1 0 0-11M8 5v3l2 1.500",
  workflows: "M2.500 3h4v3h-4zM9.500 10h4v3h-4zM4.500 6v5.500h5",
  agents: "M8 2.500a2.500 2.500 0 1 0 0 5a2.500 2.500 0 1 0 0-5M3 13.500c.5-3 2.500-4 5-4s4.500 1 5 4",
  nodes: "M2.500 3h11v4h-11zM2.500 9h11v4h-11zM5 5h.01M5 11h.01",
  audit: "M4 2.500h8v11H4zM6 5.500h4M6 8h4M6 10.500h2",
};

const PLACES = [
  ["jobs", "Jobs"], ["dead", "Dead letters"], ["queues", "Queues"], ["schedules", "Schedules"], ["workflows", "Workflows"],
  ["agents", "Agents"], ["nodes", "Nodes"], ["audit", "Audit"],
];

const PAGES = {
  jobs: (parts) => (parts.length > 1 ? import("./job.js") : import("./jobs.js")),
  start: () => import("./start.js"),
  dead: () => import("./dead.js"),
  queues: () => import("./queues.js"),
  schedules: () => import("./schedules.js"),
  workflows: () => import("./catalogue.js"),
  agents: () => import("./catalogue.js"),
  nodes: () => import("./nodes.js"),
  audit: () => import("./audit.js"),
};

const main = document.getElementById("main");
const side = document.getElementById("side");
let shown = null;
let turn = 0;

/** Shows the page that the address names; one that is shown already is only told. */
async function follow() {
  const where = route();
  const key = where.parts[0] === "jobs" || where.parts[0] === "start" ? where.parts.slice(0, 2).join("/") : where.parts.join("/");
  mark(where.parts[0]);
  if (shown?.key === key) return shown.page.update?.(where);
  const mine = ++turn;
  leave();
  const load = PAGES[where.parts[0]];
  if (!load) return nowhere();
  try {
    const module = await load(where.parts);
    if (mine !== turn) return;
    main.className = `main page-${where.parts[0]}`;
    // An element of its own: what a page still waits for when it is left, it shows to nobody.
    const view = h("div", { class: "view" });
    put(main, view);
    window.scrollTo(0, 0);
    shown = { key, page: module.open(view, where) };
  } catch (error) {
    if (mine !== turn) return;
    put(main, h("div", { class: "empty" }, h("h1", {}, "This page could not be loaded"), h("p", {}, error.message), button("Try again", follow)));
  }
}

function leave() {
  shown?.page.close?.();
  shown = null;
  pageKeys({});
}

function nowhere() {
  put(main, h("div", { class: "empty" }, h("h1", {}, "There is no such page"), h("p", {}, h("a", { href: "#/jobs" }, "To the jobs"))));
}

function mark(place) {
  document.title = `${PLACES.find(([name]) => name === place)?.[1] ?? "Start a job"} · ${session().program}`;
  side.querySelectorAll("nav a").forEach((a) => {
    if (a.dataset.place !== place) return a.removeAttribute("aria-current");
    a.setAttribute("aria-current", "page");
    a.scrollIntoView({ block: "nearest", inline: "center" });
  });
}

function frame() {
  const { program, version, store, person, login } = session();
  const entry = ([place, words]) => h("a", { href: `#/${place}`, "data-place": place, "data-test": `nav-${place}` }, icon(ICONS[place]), h("span", {}, words));
  const theme = button("", () => named(window.workflowTheme.next()), { class: "plain", "data-test": "theme" });
  const named = (is) => {
    say(theme, { system: "◐ System", light: "○ Light", dark: "● Dark" }[is]);
    theme.setAttribute("aria-label", `Colours: ${is}. Change`);
  };
  named(window.workflowTheme.now());
  put(
    side,
    h("a", { class: "brand", href: "#/jobs", title: `${program} ${version} on ${store}` }, h("strong", {}, program), h("span", { class: "soft" }, store)),
    mayAct() && h("a", { class: "button primary start", href: "#/start", "data-place": "start", "aria-label": "Start a job", "data-test": "nav-start" }, icon(ICONS.start), h("span", {}, "Start a job")),
    h("nav", { "aria-label": "Pages" }, PLACES.map(entry)),
    h(
      "div",
      { class: "foot" },
      person && h("div", { class: "person", "data-test": "person" }, h("span", { class: "name" }, person.name), h("span", { class: "soft" }, person.role)),
      h(
        "div",
        { class: "row" },
        theme,
        button("? Keys", help, { class: "plain", "data-test": "help" }),
        login && person && button("Log out", () => attempt(logOut).then(begin), { class: "plain", "data-test": "logout" }),
      ),
    ),
  );
}

async function begin() {
  leave();
  turn += 1;
  try {
    await learn();
  } catch (error) {
    if (error.status !== 401) {
      put(main, h("div", { class: "empty" }, h("h1", {}, "The server does not answer"), h("p", {}, error.message)));
      const wait = onConnection((state) => state === "on" && (wait(), begin()));
      return;
    }
  }
  if (!session().person) return enter();
  document.body.classList.remove("outside");
  frame();
  follow();
}

/** What was asked for is shown once one is known. */
function enter() {
  leave();
  turn += 1;
  document.body.classList.add("outside");
  put(side);
  document.title = "Log in";
  showLogin(main, begin);
}

document.addEventListener("login-needed", () => document.body.classList.contains("outside") || enter());
window.addEventListener("hashchange", () => document.body.classList.contains("outside") || follow());
document.getElementById("skip").addEventListener("click", (event) => {
  event.preventDefault();
  main.focus();
});

const bar = document.getElementById("lost");
onConnection((state) => {
  bar.hidden = state === "on";
  if (state === "lost") put(bar, "The connection to the server is lost. What you see may be old; it goes on by itself.", button("Try now", tryNow, { class: "plain" }));
  else shown?.page.refresh?.();
});

begin();
