// All queues and all processors as tables: the graph for those who would rather read, and for small screens.

import { h, text } from "/page/dom.js";
import { FillBar } from "/page/figures.js";
import { count, duration, level, percent, rate, size } from "/page/format.js";
import { address } from "/page/routes.js";

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function queuesView(app) {
  const queues = table("Queues", ["Queue", "Waiting", "Full", "In", "Out", "Oldest", "Memory"]);
  const processors = table("Processors", ["Processor", "State", "In", "Out", "Failed", "A call"]);
  const node = h("section", { class: "page", "aria-label": "Queues and processors" }, queues.node, processors.node);
  let shape = "";
  /** @type {Map<string, any>} */
  let rows = new Map();

  function built(flow) {
    rows = new Map();
    queues.body.replaceChildren(...flow.connections.map((each) => row("connection", each.id, 6, new FillBar())));
    processors.body.replaceChildren(...flow.processors.map((each) => row("processor", each.name, 5)));
  }

  function row(what, id, cells, bar) {
    const values = Array.from({ length: cells }, () => h("td", { class: "figure" }, ""));
    if (bar) values[1].append(bar.node);
    const link = h("a", { href: address({ ...app.place, what, id }) }, id);
    const made = h("tr", {}, h("th", { scope: "row" }, link), values);
    rows.set(`${what} ${id}`, { made, values, bar, link });
    return made;
  }

  function show(flow) {
    for (const each of flow.connections) {
      const { values, bar } = rows.get(`connection ${each.id}`);
      bar.show(each.full, percent(each.full), level(each.full));
      text(values[0], count(each.records));
      [rate(each.rate_in), rate(each.rate_out), duration(each.oldest), size(each.bytes)].forEach((said, place) => text(values[place + 2], said));
    }
    for (const each of flow.processors) {
      const said = [each.state, rate(each.rate_in), rate(each.rate_out), count(each.errors), each.calls ? `≤ ${duration(each.calls.p99)}` : "–"];
      said.forEach((one, place) => text(rows.get(`processor ${each.name}`).values[place], one));
    }
  }

  function placed() {
    const { what, id } = app.place;
    for (const [key, { made, link }] of rows) {
      made.classList.toggle("chosen", key === `${what} ${id}`);
      link.href = address({ ...app.place, what: key.split(" ")[0], id: key.slice(key.indexOf(" ") + 1) });
    }
  }

  function step(by) {
    const links = [...rows.values()].map((each) => each.link);
    const at = links.indexOf(document.activeElement);
    links[at < 0 ? 0 : Math.min(links.length - 1, Math.max(0, at + by))]?.focus();
  }

  return {
    node,
    update(flow) {
      const found = JSON.stringify([flow.connections.map((each) => each.id), flow.processors.map((each) => each.name)]);
      if (found !== shape) {
        shape = found;
        built(flow);
        placed();
      }
      show(flow);
    },
    placed,
    keys: [
      { key: "j", does: "next row; Enter opens it", run: () => step(1) },
      { key: "k", does: "row before", run: () => step(-1) },
    ],
  };
}

function table(title, heads) {
  const body = h("tbody");
  const made = h("table", { class: "wide" }, h("caption", {}, title), h("thead", {}, h("tr", {}, heads.map((each, place) => h("th", { scope: "col", class: place ? "figure" : "" }, each)))), body);
  return { node: h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": title }, made), body };
}
