// What happened to records: events to search, and the course of one record.

import { get } from "/page/api.js";
import { tried } from "/page/dialogs.js";
import { h, text } from "/page/dom.js";
import { clock, count, duration } from "/page/format.js";
import { address, go } from "/page/routes.js";
import { Filter } from "/page/filter.js";
import { lineageView } from "/page/views/lineage.js";

const TYPES = ["RECEIVE", "CREATE", "ROUTE", "CONTENT_MODIFIED", "ATTRIBUTES_MODIFIED", "FORK", "JOIN", "CLONE", "SEND", "DROP", "EXPIRE", "REPLAY"];

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function provenanceView(app) {
  if (app.flow.provenance === "off" || app.flow.provenance === "counts") return { node: turnedOff(app.flow.provenance) };
  if (app.place.what === "record") return lineageView(app, Number(app.place.id));
  const select = (label, none, values) => h("select", { "aria-label": label, onchange: () => tried(look) }, h("option", { value: "" }, none), values.map((each) => h("option", { value: each }, each)));
  const processor = select("Processor", "any processor", app.flow.processors.map((each) => each.name));
  const type = select("Kind of event", "any event", TYPES);
  const number = h("input", { type: "number", min: 1, placeholder: "record number", "aria-label": "Record number", inputmode: "numeric", class: "middle" });
  const form = h("form", { class: "row", onsubmit: follow }, processor, type, number, h("button", { type: "submit" }, "Follow this record"));
  const filter = new Filter({ label: "Filter by attributes", hint: "path == 'data/posts.jsonl'", apply: (said) => ((where = said), look()) });
  const body = h("tbody");
  const empty = h("p", { class: "empty", hidden: true }, "No event matches.");
  const table = h("table", { class: "wide" }, h("caption", {}, "Events, the newest first"), h("thead", {}, h("tr", {}, ["When", "What", "Processor", "Leads to", "Records", "Took"].map((each) => h("th", { scope: "col", class: /When|Took/.test(each) ? "figure" : "" }, each)))), body);
  const node = h("section", { class: "page", "aria-label": "Provenance" }, h("h2", {}, "Provenance"), form, filter.node, h("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": "Events" }, table), empty);
  let where = "";

  function follow(event) {
    event.preventDefault();
    if (number.value) go({ ...app.place, what: "record", id: number.value });
    else tried(look);
  }

  async function look() {
    const { events } = await get(app.path("provenance"), { processor: processor.value, type: type.value, where, limit: 100 });
    body.replaceChildren(...events.map(row));
    empty.hidden = events.length > 0;
  }

  function row(each) {
    const records = each.records.slice(0, 5).map((id) => [h("a", { href: address({ ...app.place, what: "record", id: String(id) }) }, `#${id}`), " "]);
    const more = each.count > 5 ? h("span", { class: "muted" }, `of ${count(each.count)}`) : null;
    const to = [each.relationship, each.target].filter(Boolean).join(" → ");
    return h("tr", {}, h("td", { class: "figure" }, clock(each.time)), h("td", {}, h("span", { class: "pill" }, each.type.toLowerCase().replaceAll("_", " "))), h("td", {}, each.processor), h("td", {}, to), h("td", {}, records.flat(), more), h("td", { class: "figure" }, duration(each.seconds)));
  }

  tried(look);
  return {
    node,
    keys: [
      { key: "/", does: "filter by attributes", run: () => filter.focus() },
      { key: "r", does: "search again", run: () => tried(look) },
    ],
  };
}

function turnedOff(level) {
  const node = h("section", { class: "page", "aria-label": "Provenance" }, h("h2", {}, "Provenance"), h("p", {}, ""), h("pre", { class: "json" }, "run:\n  provenance: full        # or {sample: 1%}"));
  text(node.children[1], level === "off" ? "This flow does not write down what happens to its records. Its file says so; to follow records, write:" : "This flow only counts what happens to its records. To follow single ones, write in its file:");
  return node;
}
