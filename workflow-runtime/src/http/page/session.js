// Who looks at these pages, and at what program.

import { forget, get, post } from "./api.js";
import { clockIs } from "./format.js";

let about = { program: "", version: "", store: "", person: null, login: false };

export const session = () => about;

/** Readers are offered nothing that the server would refuse. */
export const mayAct = () => about.person?.role === "operator";

export async function learn() {
  about = await get("api/about");
  clockIs(about.now);
  return about;
}

export async function logIn(token) {
  await post("api/login", { token });
  forget();
  return learn();
}

export async function logOut() {
  await post("api/logout");
  forget();
  return learn();
}
