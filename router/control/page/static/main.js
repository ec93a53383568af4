// Where the page begins: the token, the flows, then the page around them.

import { ApiError, get } from "/page/api.js";
import { h } from "/page/dom.js";
import { begin as listenToKeys } from "/page/keys.js";
import { takeToken } from "/page/session.js";
import { Shell } from "/page/shell.js";
import { showTheme } from "/page/theme.js";
import { loginView } from "/page/views/login.js";

const AGAIN = 1500;

/** @type {Shell | null} */
let shell = null;

async function start() {
  shell?.close();
  shell = null;
  try {
    const { flows } = await get("/api/flows");
    if (flows.length) shell = new Shell(flows, login);
    else wait("No flow runs here yet.");
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) login();
    else wait("The flow does not answer. Trying again…");
  }
}

/** @param {string} [said] */
function login(said) {
  shell?.close();
  shell = null;
  const view = loginView({ then: start, said });
  document.body.replaceChildren(view.node);
  view.focus();
}

/** @param {string} said */
function wait(said) {
  document.body.replaceChildren(h("main", { class: "door" }, h("p", { role: "status" }, said)));
  setTimeout(start, AGAIN);
}

showTheme();
takeToken();
listenToKeys();
// A link with a token may be opened where the page is open already.
addEventListener("hashchange", () => location.hash.startsWith("#token=") && (takeToken(), start()));
start();
