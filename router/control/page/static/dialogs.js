// Questions before something is done that cannot be undone, and what is said after it.

import { h } from "/page/dom.js";
import { known } from "/page/keys.js";

/**
 * Ask before doing something. True if it is to be done.
 * @param {{title: string, says: string, action: string, isHarmless?: boolean}} question
 * @returns {Promise<boolean>}
 */
export function confirmed({ title, says, action, isHarmless = false }) {
  const no = h("button", { type: "submit", value: "no", autofocus: true }, "Cancel");
  const yes = h("button", { type: "submit", value: "yes", class: isHarmless ? "main" : "danger" }, action);
  return shown(title, [h("p", {}, says), h("div", { class: "row end" }, no, yes)]).then((said) => said === "yes");
}

/**
 * Let somebody choose one of several; null if nothing was chosen.
 * @param {{title: string, says: string, choices: string[], action: string}} question
 * @returns {Promise<string | null>}
 */
export async function choice({ title, says, choices, action }) {
  const select = h("select", { "aria-label": says }, choices.map((each) => h("option", { value: each }, each)));
  const buttons = [
    h("button", { type: "submit", value: "no" }, "Cancel"),
    h("button", { type: "submit", value: "yes", class: "main" }, action),
  ];
  const said = await shown(title, [h("p", {}, says), select, h("div", { class: "row end" }, buttons)]);
  return said === "yes" ? select.value : null;
}

/**
 * Let somebody find one of many by its name; null if nothing was found.
 * @param {{title: string, says: string, choices: string[], action: string}} question
 * @returns {Promise<string | null>}
 */
export async function found({ title, says, choices, action }) {
  const input = h("input", { type: "text", list: "choices", "aria-label": says, placeholder: says, autocomplete: "off", autofocus: true });
  const list = h("datalist", { id: "choices" }, choices.map((each) => h("option", { value: each })));
  const row = h("div", { class: "row end" }, h("button", { type: "submit", value: "yes", class: "main" }, action));
  if ((await shown(title, [input, list, row])) !== "yes" || !input.value.trim()) return null;
  const wanted = input.value.trim().toLowerCase();
  const fits = (test) => choices.find((each) => test(each.toLowerCase()));
  return fits((each) => each === wanted) ?? fits((each) => each.startsWith(wanted)) ?? fits((each) => each.includes(wanted)) ?? null;
}

/** List the keys. */
export function help() {
  const parts = known().filter(([, keys]) => keys.length).map(([group, keys]) => [
    h("h3", {}, group),
    h("dl", { class: "keys" }, keys.map((each) => [h("dt", {}, h("kbd", {}, name(each.key))), h("dd", {}, each.does)])),
  ]);
  const row = h("div", { class: "row end" }, h("button", { type: "submit", value: "no", autofocus: true }, "Close"));
  return shown("Keys", [h("div", { class: "help" }, parts.flat()), row]);
}

/**
 * Say what was done, or why it was not; screen readers read it out.
 * @param {string} said
 * @param {boolean} [isBad]
 */
export function say(said, isBad = false) {
  const place = document.getElementById("said");
  const note = h("p", { class: isBad ? "note bad" : "note" }, said);
  place?.replaceChildren(note);
  setTimeout(() => note.remove(), isBad ? 12_000 : 5_000);
}

/**
 * Do something, and say it where it is refused. What it gave, or undefined.
 * @template T
 * @param {() => Promise<T>} work
 * @returns {Promise<T | undefined>}
 */
export async function tried(work) {
  try {
    return await work();
  } catch (error) {
    say(/** @type {Error} */ (error).message, true);
    return undefined;
  }
}

function shown(title, children) {
  const back = /** @type {HTMLElement | null} */ (document.activeElement);
  const form = h("form", { method: "dialog" }, h("h2", { id: "asked" }, title), children);
  const dialog = h("dialog", { "aria-labelledby": "asked" }, form);
  document.body.append(dialog);
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      dialog.remove();
      back?.focus();
      resolve(dialog.returnValue);
    });
  });
}

function name(key) {
  return { ArrowDown: "↓", ArrowUp: "↑", ArrowRight: "→", Escape: "Esc", " ": "Space" }[key] ?? key;
}
