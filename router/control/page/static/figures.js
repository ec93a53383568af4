// Names and figures, side by side; the figures change in place.

import { h, text } from "/page/dom.js";

export class Figures {
  /** @param {string[]} names */
  constructor(names) {
    this.values = new Map(names.map((each) => [each, h("dd", { class: "figure" }, "–")]));
    this.node = h("dl", { class: "figures" }, names.map((each) => h("div", {}, h("dt", {}, each), this.values.get(each))));
  }

  /** @param {Record<string, string>} values */
  show(values) {
    for (const [name, value] of Object.entries(values)) text(this.values.get(name), value);
  }
}

/** A bar that says how full a queue is, in length, colour and words. */
export class FillBar {
  constructor() {
    this.fill = h("span", { class: "fill" });
    this.said = h("span", { class: "figure" }, "0 %");
    this.bar = h("span", { class: "fill-bar", role: "meter", "aria-label": "How full", "aria-valuemin": 0, "aria-valuemax": 100 }, this.fill);
    this.node = h("span", { class: "fill-box" }, this.bar, this.said);
  }

  /** @param {number} full 0 to 1 @param {string} said @param {string} level */
  show(full, said, level) {
    this.fill.style.setProperty("width", `${Math.min(100, full * 100).toFixed(1)}%`);
    this.bar.className = `fill-bar ${level}`;
    this.bar.setAttribute("aria-valuenow", (full * 100).toFixed(0));
    text(this.said, `${level === "high" ? "! " : ""}${said}`);
  }
}
