// Questions that must be answered before something happens, and words about what happened.

import { button, h } from "./dom.js";

/**
 * Asks. `fields` are elements between the words and the buttons; `act` is called when it is confirmed, and if it throws,
 * the dialog stays open and says why. Gives what `act` gave, or undefined.
 */
export function ask({ title, words, fields = [], yes, danger = false, act = async () => true, wide = false, failed }) {
  return new Promise((resolve) => {
    const problem = h("p", { class: "problem", role: "alert", hidden: true });
    const confirm = h("button", { class: `button ${danger ? "danger" : "primary"}`, type: "submit", "data-test": "confirm" }, yes);
    let given;
    const form = h(
      "form",
      {
        method: "dialog",
        novalidate: true,
        onsubmit: async (event) => {
          event.preventDefault();
          confirm.disabled = true;
          problem.hidden = true;
          try {
            given = await act();
            if (given !== undefined) dialog.close();
          } catch (error) {
            if (!failed?.(error)) {
              problem.textContent = error.message;
              problem.hidden = false;
            }
          } finally {
            confirm.disabled = false;
          }
        },
      },
      h("h2", { id: "dialog-title" }, title),
      words && h("p", { class: "soft" }, words),
      fields,
      problem,
      h("div", { class: "row end" }, button("Not now", () => dialog.close(), { "data-test": "dismiss" }), confirm),
    );
    const dialog = h("dialog", { class: wide ? "dialog wide" : "dialog", "aria-labelledby": "dialog-title", "data-test": "dialog" }, form);
    dialog.addEventListener("close", () => {
      dialog.remove();
      resolve(given);
    });
    document.body.append(dialog);
    dialog.showModal();
  });
}

/** Shows something until it is closed. */
export function show(title, ...content) {
  const dialog = h(
    "dialog",
    { class: "dialog wide", "aria-labelledby": "dialog-title", "data-test": "dialog" },
    h("h2", { id: "dialog-title" }, title),
    content,
    h("div", { class: "row end" }, button("Close", () => dialog.close(), { autofocus: true })),
  );
  dialog.addEventListener("close", () => dialog.remove());
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** A word about what happened, for a while. */
export function toast(words, kind = "good", link = null) {
  const place = document.getElementById("toasts");
  // What is asked for again and again fails again and again; it is said once.
  if (kind === "bad" && [...place.children].some((one) => one.words === words)) return;
  const element = h("div", { class: `toast ${kind}`, "data-test": "toast" }, h("span", {}, words), link && h("a", { href: link.href }, link.words));
  const close = button("×", () => element.remove(), { class: "plain", "aria-label": "Dismiss" });
  element.append(close);
  element.words = words;
  place.append(element);
  setTimeout(() => element.remove(), kind === "bad" ? 12000 : 6000);
}

/** Does something, and tells if it could not be done. */
export async function attempt(act) {
  try {
    return await act();
  } catch (error) {
    // That nobody answers is said at the foot of the page, and that one must log in by the page for it.
    const said = error.name === "AbortError" || error.status === 401 || error.kind === "unreachable";
    if (!said) toast(error.message, "bad");
    return undefined;
  }
}
