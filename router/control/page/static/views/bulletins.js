// What processors told the operator, the newest first.

import { get } from "/page/api.js";
import { h } from "/page/dom.js";
import { clock } from "/page/format.js";
import { address } from "/page/routes.js";

/**
 * Asks only when the flow says that there is something new.
 * @param {import("../app.js").App} app
 * @param {string} [processor] of this one alone
 * @param {number} [limit]
 */
export function bulletinList(app, processor, limit = 20) {
  const list = h("ol", { class: "news" }, h("li", { class: "muted" }, "Nothing yet."));
  let newest = 0;
  let isAsking = false;

  async function update() {
    if (isAsking || !app.flow || app.flow.bulletins === newest) return;
    isAsking = true;
    try {
      const found = await get(app.path("bulletins"), { processor, limit });
      newest = found.newest;
      if (found.bulletins.length) list.replaceChildren(...found.bulletins.reverse().map(item));
    } catch {
      // The banner says that the flow does not answer.
    }
    isAsking = false;
  }

  function item(each) {
    const what = app.connection(each.processor) ? "connection" : "processor";
    const who = app.connection(each.processor) || app.processor(each.processor) ? h("a", { href: address({ ...app.place, view: app.place.view === "log" ? "graph" : app.place.view, what, id: each.processor }) }, each.processor) : each.processor;
    const data = Object.entries(each.data).map(([name, value]) => [h("dt", {}, name), h("dd", {}, value)]);
    return h("li", {}, h("time", { class: "muted figure" }, clock(each.time)), " ", processor ? null : h("b", {}, who), ` ${each.text}`, data.length ? h("dl", { class: "pairs" }, data.flat()) : null);
  }

  update();
  return { node: list, update, close: () => (isAsking = true) };
}
