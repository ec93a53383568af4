// Tabs: one of several parts is shown; made when it is chosen, closed when another one is.

import { attribute, h } from "/page/dom.js";

/**
 * @typedef {{name: string, make: () => {node: HTMLElement, close?: () => void}}} Tab
 */

export class Tabs {
  /** @param {string} label @param {Tab[]} tabs @param {string} first */
  constructor(label, tabs, first) {
    this.tabs = tabs;
    this.heads = tabs.map(({ name }) => h("button", { type: "button", role: "tab", onclick: () => this.select(name) }, name));
    const list = h("div", { role: "tablist", "aria-label": label, class: "tabs" }, this.heads);
    list.addEventListener("keydown", (event) => this.onKey(event));
    this.body = h("div", { role: "tabpanel", class: "tab-body" });
    this.node = h("div", {}, list, this.body);
    /** @type {any} */
    this.part = null;
    this.select(first);
  }

  /** @param {string} name */
  select(name) {
    this.close();
    this.chosen = name;
    this.tabs.forEach((each, place) => {
      attribute(this.heads[place], "aria-selected", String(each.name === name));
      attribute(this.heads[place], "tabindex", each.name === name ? "0" : "-1");
    });
    attribute(this.body, "aria-label", name);
    this.part = this.tabs.find((each) => each.name === name)?.make();
    this.body.replaceChildren(this.part.node);
  }

  onKey(event) {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    event.preventDefault();
    event.stopPropagation();
    const next = (this.heads.indexOf(document.activeElement) + step + this.heads.length) % this.heads.length;
    this.select(this.tabs[next].name);
    this.heads[next].focus();
  }

  close() {
    this.part?.close?.();
    this.part = null;
  }
}
