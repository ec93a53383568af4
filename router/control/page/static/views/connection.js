// A queue: how full it is, the records that wait in it, those that pass, its figures and limits.

import { send } from "/page/api.js";
import { Chart } from "/page/chart.js";
import { say, tried } from "/page/dialogs.js";
import { button, h, text } from "/page/dom.js";
import { FillBar, Figures } from "/page/figures.js";
import { count, duration, level, percent, rate, size } from "/page/format.js";
import { historyCharts } from "/page/history.js";
import { address } from "/page/routes.js";
import { Tabs } from "/page/tabs.js";
import { liveRecords } from "/page/views/live.js";
import { waitingRecords } from "/page/views/waiting.js";

const STAYS = 1; // seconds

/** @param {import("../app.js").App} app @param {string} id @returns {import("../app.js").View} */
export function connectionView(app, id) {
  const now = app.connection(id);
  if (!now) return { node: h("p", { class: "empty" }, `No queue ${id} in this flow any more.`) };
  const bar = new FillBar();
  const line = h("p", { class: "muted" }, "");
  const soon = h("p", { class: "soon" }, "");
  /** @type {any} */
  let part = null;
  const shown = (make) => () => (part = make());
  const tabs = new Tabs(
    "What to see of the queue",
    [
      { name: "Waiting", make: shown(() => waitingRecords(app, id, () => tabs.select("Live"))) },
      { name: "Live", make: shown(() => liveRecords(app, id)) },
      { name: "Figures and limits", make: shown(() => figuresOf(app, id)) },
    ],
    // Of a queue that nothing stays in, as in most, what passes is what there is to see.
    now.oldest >= STAYS ? "Waiting" : "Live",
  );
  const link = (name) => h("a", { href: address({ ...app.place, what: "processor", id: name }) }, name);
  const way = h("p", { class: "way" }, link(now.producer), ` · ${now.relationship} → `, link(now.consumer), now.input ? `, input ${now.input}` : "");
  const node = h("article", { class: "panel-body", "aria-label": `Queue ${id}` }, h("h2", {}, h("span", { class: "kind" }, "Queue"), id), way, bar.node, line, soon, tabs.node);
  return {
    node,
    update() {
      const each = app.connection(id);
      if (!each) return;
      bar.show(each.full, `${percent(each.full)} full`, level(each.full));
      text(line, `${count(each.records)} of ${count(each.max_records)} wait, ${size(each.bytes)}; ${rate(each.rate_in)} in, ${rate(each.rate_out)} out`);
      text(soon, each.waiting ? `${each.producer} waits for room` : each.full_in ? `full in ${duration(each.full_in)}` : "");
      part?.update?.();
    },
    close: () => tabs.close(),
    keys: [
      { key: "w", does: "show what waits, or what passes", run: () => tabs.select(tabs.chosen === "Waiting" ? "Live" : "Waiting") },
      { key: "/", does: "filter records by an expression", run: () => part?.filter?.focus() },
      { key: "x", does: "drop records, after a question", run: () => part?.drop?.() },
      { key: "e", does: "export records to a file", run: () => part?.save?.() },
      { key: "j", does: "next record; Enter opens it, Space marks it", run: () => part?.rows?.step(1) },
      { key: "k", does: "record before", run: () => part?.rows?.step(-1) },
    ],
  };
}

function figuresOf(app, id) {
  const names = ["Waiting", "Memory", "Oldest", "Being worked on", "Waiting puts", "Ever in", "Ever out", "Dropped", "Kept in", "When full", "Expire after"];
  const figures = new Figures(names);
  const charts = historyCharts(app, "connections", id, [
    { chart: new Chart("Records that wait", (value) => count(value), ["waiting"]), figures: ["records"] },
    { chart: new Chart("Records a second", rate, ["in", "out"]), figures: ["records_in", "records_out"] },
  ]);
  return {
    node: h("div", {}, figures.node, charts.node, limits(app, id)),
    close: charts.close,
    update() {
      const each = app.connection(id);
      figures.show({
        Waiting: count(each.records), Memory: size(each.bytes), Oldest: duration(each.oldest), "Being worked on": count(each.unacked),
        "Waiting puts": count(each.waiting), "Ever in": count(each.records_in), "Ever out": count(each.records_out), Dropped: count(each.dropped),
        "Kept in": each.queue, "When full": each.when_full.replace("_", " "), "Expire after": each.expire === null ? "never" : duration(each.expire),
      });
    },
  };
}

/** Change the limits while the flow runs. */
function limits(app, id) {
  const now = app.connection(id);
  const field = (label, value) => h("label", {}, label, h("input", { type: "number", min: 1, value, inputmode: "numeric" }));
  const records = field("Records at most", now.max_records);
  const bytes = field("Bytes at most", now.max_bytes);
  const values = () => ({ records: Number(records.lastChild.value), bytes: Number(bytes.lastChild.value) });
  const set = () => tried(async () => {
    const made = await send("PATCH", app.path("connections", id), { body: values() });
    say(`${id}: at most ${count(made.max_records)} records, ${size(made.max_bytes)}.`);
    app.soon();
  });
  return h("div", { class: "limits" }, h("h3", {}, "Limits"), h("div", { class: "row" }, records, bytes, button("Change", set)), h("p", { class: "muted" }, "They hold until the flow is started again; its file says what they are then."));
}
