// How far a step is, as it says itself.

import { h, say } from "./dom.js";

/** Shows progress in `place`, or nothing. */
export function progressBar(place, progress) {
  if (!progress) {
    if (place.firstChild) place.replaceChildren();
    place.bar = null;
    return;
  }
  if (!place.bar) {
    const fill = h("span", { class: "fill" });
    const track = h("span", { class: "track", role: "progressbar", "aria-valuemin": 0, "aria-valuemax": 100 }, fill);
    const words = h("span", { class: "soft words" });
    place.replaceChildren(track, words);
    place.bar = { fill, track, words };
  }
  const share = progress.fraction;
  const { fill, track, words } = place.bar;
  fill.style.width = `${Math.round(share * 1000) / 10}%`;
  track.setAttribute("aria-valuenow", Math.round(share * 100));
  say(words, [`${Math.round(share * 100)} %`, progress.message].filter(Boolean).join(" · "));
}
