// The page that asks who one is.

import { h, put } from "./dom.js";
import { logIn, session } from "./session.js";

export function showLogin(root, then) {
  const problem = h("p", { class: "problem", role: "alert", hidden: true });
  const token = h("input", {
    id: "token", type: "password", autocomplete: "current-password", required: true, "data-test": "token", spellcheck: "false",
  });
  const enter = h("button", { type: "submit", class: "button primary", "data-test": "login" }, "Log in");
  const form = h(
    "form",
    {
      class: "login",
      onsubmit: async (event) => {
        event.preventDefault();
        problem.hidden = true;
        enter.disabled = true;
        try {
          await logIn(token.value);
          then();
        } catch (error) {
          problem.textContent = error.message;
          problem.hidden = false;
          token.select();
        } finally {
          enter.disabled = false;
        }
      },
    },
    h("h1", {}, session().program || "Workflows"),
    h("p", { class: "soft" }, "This server wants to know who you are. Whoever runs it has a token for you."),
    h("label", { for: "token" }, "Token"),
    token,
    problem,
    enter,
  );
  put(root, form);
  token.focus();
}
