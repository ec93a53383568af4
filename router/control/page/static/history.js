// Charts of one processor or connection, asked for once a second while somebody looks.

import { get } from "/page/api.js";
import { h } from "/page/dom.js";
import { repeated } from "/page/timer.js";

const SPANS = [["1 min", 60], ["10 min", 600]];

/**
 * @param {import("./app.js").App} app
 * @param {"processors" | "connections"} kind
 * @param {string} id
 * @param {{chart: import("./chart.js").Chart, figures: string[]}[]} charts which figures of the history each shows
 */
export function historyCharts(app, kind, id, charts) {
  let seconds = 60;
  let end = () => undefined;
  const choices = SPANS.map(([name, value]) => h("button", { type: "button", class: "quiet", "aria-pressed": String(value === seconds), onclick: () => choose(value) }, name));

  async function look() {
    try {
      const found = await get(app.path("history"), { seconds, of: [id] });
      const figures = found[kind][id];
      if (figures) for (const { chart, figures: names } of charts) chart.show(names.map((each) => figures[each]), found.interval);
    } catch {
      // The banner says that the flow does not answer; the charts stand still meanwhile.
    }
  }

  function choose(value) {
    seconds = value;
    SPANS.forEach(([, each], place) => choices[place].setAttribute("aria-pressed", String(each === seconds)));
    end();
    end = repeated(look, 1000);
  }

  choose(seconds);
  const node = h("div", { class: "charts" }, h("div", { class: "row end span", role: "group", "aria-label": "How much of the past" }, choices), charts.map((each) => each.chart.node));
  return { node, close: () => end() };
}
