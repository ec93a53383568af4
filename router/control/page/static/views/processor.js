// A processor: what it does now and did lately, how it is set, what it told; stopped, started, widened.

import { get, send } from "/page/api.js";
import { Chart } from "/page/chart.js";
import { say, tried } from "/page/dialogs.js";
import { button, h, text } from "/page/dom.js";
import { Figures } from "/page/figures.js";
import { count, duration, percent, rate, size } from "/page/format.js";
import { historyCharts } from "/page/history.js";
import { pretty } from "/page/exact.js";
import { address } from "/page/routes.js";
import { bulletinList } from "/page/views/bulletins.js";

/** @param {import("../app.js").App} app @param {string} name @returns {import("../app.js").View} */
export function processorView(app, name) {
  const now = app.processor(name);
  if (!now) return { node: h("p", { class: "empty" }, `No processor ${name} in this flow any more.`) };
  const state = h("span", { class: "pill" }, now.state);
  const why = h("p", { class: "wrong", role: "status" }, "");
  const figures = new Figures(["In", "Out", "Failed", "Held", "Calls", "A call takes", "The slowest 1 %", "Records a call", "Calls at once", "Bytes in", "Bytes out", "Progress"]);
  const switching = button("Stop", turn, { class: "main" });
  const once = button("Run once", () => steer("run-once", `${name} makes one call.`));
  const charts = historyCharts(app, "processors", name, [
    { chart: new Chart("Records a second", rate, ["in", "out", "failed"]), figures: ["records_in", "records_out", "errors"] },
    { chart: new Chart("Time of a call", duration, ["mean"]), figures: ["latency"] },
    { chart: new Chart("Calls under way", (value) => value.toFixed(1), ["busy"]), figures: ["busy"] },
  ]);
  const ways = h("div", {});
  const settings = h("div", {});
  const bulletins = bulletinList(app, name);
  const head = h("h2", {}, h("span", { class: "kind" }, now.is_source ? "Source" : "Processor"), name, state);
  const node = h(
    "article", { class: "panel-body", "aria-label": `Processor ${name}` },
    head, h("p", { class: "muted" }, `${now.type}${now.description ? `: ${now.description}` : ""}`),
    h("div", { class: "row tools" }, switching, once, now.is_source ? null : widening(app, now)), why,
    figures.node, h("h3", {}, "Where records go"), ways, h("h3", {}, "Over time"), charts.node, h("h3", {}, "Bulletins"), bulletins.node, h("h3", {}, "Settings"), settings,
  );

  async function steer(what, said) {
    await tried(async () => {
      await send("POST", app.path("processors", name, what));
      say(said);
      app.soon();
    });
  }

  async function turn() {
    const isStopped = app.processor(name)?.is_stopped;
    const stopped = `${name} is stopped: it begins no more calls, its queues fill, and what feeds it waits. Nothing is lost.`;
    await steer(isStopped ? "start" : "stop", isStopped ? `${name} works again.` : stopped);
  }

  async function describe() {
    const details = await get(app.path("processors", name), {}, { exact: true });
    endings = Object.fromEntries(details.relationships.map((each) => [each.name, each.unconnected]));
    const table = (values) => h("dl", { class: "pairs" }, Object.entries(values).flatMap(([each, value]) => [h("dt", {}, each), h("dd", {}, typeof value === "string" ? value : pretty(value))]));
    settings.replaceChildren(table(details.settings), h("details", {}, h("summary", {}, "How the engine runs it"), table(details.run)), h("details", {}, h("summary", {}, "What its author wrote"), h("pre", { class: "prose" }, details.documentation)));
  }

  /** @type {Record<string, string>} what becomes of records whose relationship leads nowhere */
  let endings = {};
  tried(describe);
  return {
    node,
    update() {
      const each = app.processor(name);
      if (!each) return;
      text(state, each.state);
      state.className = `pill ${each.state}`;
      text(switching, each.is_stopped ? "Start" : "Stop");
      text(why, each.retrying ?? "");
      figures.show(figuresOf(each));
      ways.replaceChildren(...waysOf(app, each, endings));
      bulletins.update();
    },
    close() {
      charts.close();
      bulletins.close();
    },
    keys: [
      { key: "s", does: "stop the processor, or start it", run: turn },
      { key: "o", does: "have the processor make one call", run: () => steer("run-once", `${name} makes one call.`) },
    ],
  };
}

function figuresOf(each) {
  const calls = each.calls;
  return {
    In: `${count(each.records_in)} · ${rate(each.rate_in)}`, Out: `${count(each.records_out)} · ${rate(each.rate_out)}`, Failed: count(each.errors), Held: count(each.held),
    Calls: calls ? count(calls.calls) : "–", "A call takes": calls ? `≤ ${duration(calls.p50)}` : "–", "The slowest 1 %": calls ? `≤ ${duration(calls.p99)}` : "–",
    "Records a call": calls ? calls.batch.toFixed(1) : "–", "Calls at once": `${each.busy.toFixed(1)} of ${each.concurrency}`, "Bytes in": size(each.bytes_in), "Bytes out": size(each.bytes_out),
    Progress: each.progress ? (each.progress[1] ? percent(each.progress[0] / each.progress[1]) : count(each.progress[0])) : "–",
  };
}

/** Each relationship: how many records left by it, and where they went. */
function waysOf(app, each, endings) {
  const names = [...new Set([...Object.keys(each.routes), ...Object.keys(each.out)])];
  if (!names.length) return [h("p", { class: "muted" }, "Nowhere: the flow ends here.")];
  const dead = h("a", { href: address({ flow: app.place.flow, view: "letters" }) }, "dead letters");
  const targets = (name) => (each.routes[name] ?? (endings[name] ? [endings[name]] : [])).map((id) => [" ", id === "dead_letters" ? dead.cloneNode(true) : app.connection(id) ? h("a", { href: address({ ...app.place, what: "connection", id }) }, id) : h("span", { class: "muted" }, id.replace("_", " "))]);
  return [h("table", {}, h("tbody", {}, names.map((name) => h("tr", {}, h("th", { scope: "row" }, name), h("td", { class: "figure" }, count(each.out[name] ?? 0)), h("td", {}, targets(name).flat())))))];
}

/** How many of its calls may overlap. */
function widening(app, now) {
  const input = h("input", { type: "number", min: 1, max: 1024, value: now.concurrency, inputmode: "numeric", class: "narrow" });
  const set = () => tried(async () => {
    const made = await send("PATCH", app.path("processors", now.name), { body: { concurrency: Number(input.value) } });
    say(`${now.name}: ${made.concurrency} calls at once.`);
    app.soon();
  });
  return h("form", { class: "row", onsubmit: (event) => (event.preventDefault(), set()) }, h("label", { class: "inline" }, "Calls at once ", input), h("button", { type: "submit" }, "Set"));
}
