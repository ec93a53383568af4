// The keyboard: who listens to which key, and the list of them behind `?`.

/**
 * @typedef {object} Key
 * @property {string} key as `KeyboardEvent.key` says
 * @property {string} does
 * @property {() => void} run
 */

/** @type {Map<string, Key[]>} */
const groups = new Map();

/** Listen to keys, in place of those the group had. @param {string} group @param {Key[]} keys */
export function listen(group, keys) {
  groups.set(group, keys);
}

/** @param {string} group */
export function ignore(group) {
  groups.delete(group);
}

/** All that is listened to, by group. @returns {[string, Key[]][]} */
export function known() {
  return [...groups];
}

/** Begin to listen. */
export function begin() {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented || isBusy(event)) return;
    for (const [, keys] of [...groups].reverse()) {
      const found = keys.find((each) => each.key === event.key);
      if (found) {
        event.preventDefault();
        found.run();
        return;
      }
    }
  });
}

/** True while somebody types, or answers a question. @param {KeyboardEvent} event */
function isBusy(event) {
  if (document.querySelector("dialog[open]")) return true;
  const target = /** @type {HTMLElement} */ (event.target);
  if (event.key === "Escape") return false;
  return target.isContentEditable || /^(INPUT|SELECT|TEXTAREA)$/.test(target.tagName) && target.type !== "checkbox";
}
