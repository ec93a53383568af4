// A line over time, or several, with their scale; made of SVG, drawn anew with each look.

import { attribute, h, svg, text } from "/page/dom.js";

const [WIDTH, HEIGHT] = [480, 96];

/**
 * @typedef {{name: string, values: number[]}} Line told apart by colour and by dashes
 */

export class Chart {
  /** @param {string} title @param {(value: number) => string} shown @param {string[]} names of its lines */
  constructor(title, shown, names) {
    this.shown = shown;
    this.title = title;
    this.top = h("span", { class: "muted figure" }, shown(0));
    this.now = names.map((each, place) => h("span", { class: `legend line-${place}` }, svg("svg", { viewBox: "0 0 18 6", class: "dash", "aria-hidden": "true" }, svg("path", { d: "M0 3H18" })), `${each} `, h("b", {}, "–")));
    this.paths = names.map((_, place) => svg("path", { class: `plot line-${place}` }));
    this.drawing = svg("svg", { viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": title, class: "plotted" }, svg("path", { class: "grid", d: `M0 1H${WIDTH}M0 ${HEIGHT / 2}H${WIDTH}M0 ${HEIGHT - 1}H${WIDTH}` }), this.paths);
    this.span = h("span", { class: "muted" }, "");
    this.node = h("figure", { class: "chart" }, h("figcaption", {}, h("span", { class: "title" }, title), this.now), h("div", { class: "plot-area" }, this.drawing, this.top), this.span);
  }

  /** @param {number[][]} lines the newest values last @param {number} interval seconds from one to the next */
  show(lines, interval) {
    const highest = Math.max(...lines.flat(), 0);
    const top = nice(highest * 1.1); // a level line does not lie on the edge
    text(this.top, this.shown(top));
    lines.forEach((values, place) => {
      attribute(this.paths[place], "d", path(values, top));
      text(this.now[place].lastElementChild, this.shown(values[values.length - 1] ?? 0));
    });
    const seconds = Math.round(Math.max(0, ...lines.map((each) => each.length - 1)) * interval);
    text(this.span, `the last ${seconds < 120 ? `${seconds} seconds` : `${Math.round(seconds / 60)} minutes`}`);
    attribute(this.drawing, "aria-label", `${this.title}, at most ${this.shown(highest)} in ${seconds} seconds`);
  }
}

/** The least of 1, 2, 5, 10, 20 ... that is not below. @param {number} value */
function nice(value) {
  if (value <= 0) return 1;
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((each) => each * power).find((each) => each >= value * 0.999) ?? value;
}

function path(values, top) {
  if (values.length < 2) return "";
  const step = WIDTH / (values.length - 1);
  const y = (value) => (HEIGHT - 2 - (value / top) * (HEIGHT - 4)).toFixed(1);
  return values.map((value, place) => `${place ? "L" : "M"}${(place * step).toFixed(1)} ${y(value)}`).join("");
}
