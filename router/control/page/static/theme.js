// Light or dark: as the system says, until somebody switches.

import { h } from "/page/dom.js";
import { icon } from "/page/icons.js";

const NAME = "router.theme";
const ORDER = ["auto", "light", "dark"];

/** Show the theme that was chosen last. */
export function showTheme() {
  const chosen = localStorage.getItem(NAME);
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
  else delete document.documentElement.dataset.theme;
}

function chosen() {
  return document.documentElement.dataset.theme ?? "auto";
}

/** The switch. @returns {HTMLButtonElement} */
export function themeSwitch() {
  const made = h("button", { type: "button", class: "quiet theme", onclick: turn });
  function say() {
    made.replaceChildren(icon(chosen()));
    made.setAttribute("aria-label", `Theme: ${chosen()}. Switch`);
    made.title = `Theme: ${chosen()} (t)`;
  }
  function turn() {
    localStorage.setItem(NAME, ORDER[(ORDER.indexOf(chosen()) + 1) % ORDER.length]);
    showTheme();
    say();
  }
  say();
  return made;
}
