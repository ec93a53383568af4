// The log as it grows, its level, and what processors told.

import { get, send } from "/page/api.js";
import { say, tried } from "/page/dialogs.js";
import { h } from "/page/dom.js";
import { clock } from "/page/format.js";
import { repeated } from "/page/timer.js";
import { bulletinList } from "/page/views/bulletins.js";

const LEVELS = ["debug", "info", "warning", "error"];
const MOST = 1000;

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function logView(app) {
  const lines = h("ol", { class: "log", tabindex: 0, "aria-label": "Lines of the log", role: "log", "aria-live": "off" });
  const level = h("select", { "aria-label": "The least that is logged", onchange: () => tried(change) }, LEVELS.map((each) => h("option", { value: each }, each)));
  const bulletins = bulletinList(app, undefined, 100);
  const node = h(
    "section", { class: "page two", "aria-label": "Log" },
    h("div", { class: "column" }, h("div", { class: "row" }, h("h2", {}, "Log"), h("label", { class: "inline" }, "The least that is logged ", level)), lines),
    h("div", { class: "column" }, h("h2", {}, "Bulletins"), h("div", { class: "scrolling" }, bulletins.node)),
  );
  let newest = 0;

  async function look() {
    try {
      const found = await get(app.path("log"), { after: newest, limit: MOST });
      if (found.newest < newest) lines.replaceChildren(); // another process, another log
      newest = found.newest;
      if (document.activeElement !== level) level.value = found.level;
      append(found.lines);
    } catch {
      // The banner says that the flow does not answer.
    }
  }

  function append(found) {
    const isAtEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 30;
    lines.append(...found.map((each) => h("li", { class: each.level }, h("time", { class: "muted" }, clock(each.time)), h("span", { class: "level" }, each.level), h("span", {}, each.text))));
    while (lines.children.length > MOST) lines.firstElementChild?.remove();
    if (isAtEnd) lines.scrollTop = lines.scrollHeight;
  }

  async function change() {
    const wanted = level.value; // a look that was under way may show the old one meanwhile
    await send("PUT", app.path("log-level"), { body: { level: wanted } });
    level.value = wanted;
    say(`The least that is logged is now ${wanted}.`);
  }

  const end = repeated(look, 1000);
  return {
    node,
    update: () => bulletins.update(),
    close() {
      end();
      bulletins.close();
    },
  };
}
