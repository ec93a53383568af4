// A list of things that open: one line each, marked with a box, opened with a click or Enter, walked with j and k.

import { attribute, h } from "/page/dom.js";
import { Exact, stringify } from "/page/exact.js";
import { kindOf } from "/page/record.js";

const LONGEST = 160;
const FIELDS = 8;

/**
 * @typedef {object} Row
 * @property {string | number} id
 * @property {any[]} line what its one line shows
 * @property {() => HTMLElement} details
 */

export class Rows {
  /** @param {{label: string, marks?: boolean, changed?: () => void}} how `changed`: something was marked or opened */
  constructor({ label, marks = false, changed = () => undefined }) {
    this.node = h("ul", { class: "rows", "aria-label": label });
    this.marks = marks;
    this.changed = changed;
    /** @type {Set<string | number>} */
    this.marked = new Set();
  }

  /** Show these rows and no others. @param {Row[]} rows */
  show(rows) {
    this.marked.clear();
    this.node.replaceChildren(...rows.map((each) => this.made(each)));
    this.changed();
  }

  /** Put newer rows above, and drop the oldest. @param {Row[]} rows @param {number} most */
  prepend(rows, most) {
    this.node.prepend(...rows.map((each) => this.made(each)).reverse());
    while (this.node.children.length > most) this.node.lastElementChild?.remove();
  }

  get length() {
    return this.node.children.length;
  }

  /** True while something is open: who reads does not want it to move. */
  get isOpen() {
    return this.node.querySelector("[aria-expanded=true]") !== null;
  }

  /** Go to the next row, or the one before. @param {number} step */
  step(step) {
    const heads = [...this.node.querySelectorAll(".head")];
    const at = heads.findIndex((each) => each === document.activeElement);
    const next = heads[at < 0 ? 0 : Math.min(heads.length - 1, Math.max(0, at + step))];
    if (next instanceof HTMLElement) next.focus();
  }

  /** Mark all, or none. @param {boolean} isMarked */
  markAll(isMarked) {
    for (const each of this.node.querySelectorAll("input[type=checkbox]")) {
      if (each.checked !== isMarked) each.click();
    }
  }

  made(row) {
    const details = h("div", { class: "details" });
    const head = h("button", { type: "button", class: "head", "aria-expanded": "false" }, row.line);
    head.addEventListener("click", () => {
      const isOpen = head.getAttribute("aria-expanded") !== "true";
      attribute(head, "aria-expanded", String(isOpen));
      details.replaceChildren(...(isOpen ? [row.details()] : []));
      this.changed();
    });
    const box = this.marks && h("input", { type: "checkbox", "aria-label": `Mark ${row.id}`, onchange: (event) => this.mark(row.id, event.target.checked) });
    head.addEventListener("keydown", (event) => {
      if (event.key !== " " || !box) return;
      event.preventDefault();
      box.click();
    });
    return h("li", {}, h("div", { class: "line-of-row" }, box, head), details);
  }

  mark(id, isMarked) {
    if (isMarked) this.marked.add(id);
    else this.marked.delete(id);
    this.changed();
  }

  /** The keys by which it is walked. @returns {import("./keys.js").Key[]} */
  get keys() {
    return [
      { key: "j", does: "next record", run: () => this.step(1) },
      { key: "ArrowDown", does: "next record; Enter opens it, Space marks it", run: () => this.step(1) },
      { key: "k", does: "record before", run: () => this.step(-1) },
      { key: "ArrowUp", does: "record before", run: () => this.step(-1) },
    ];
  }
}

/** A record on one line: its fields, or the beginning of its text. @param {any} record @returns {any[]} */
export function preview(record) {
  return [h("span", { class: "preview" }, previewed(record))];
}

function previewed(record) {
  if (!record) return [h("span", { class: "muted" }, "damaged")];
  const fields = record.record;
  if (fields !== null && typeof fields === "object" && !Array.isArray(fields) && !(fields instanceof Exact)) {
    return Object.entries(fields).slice(0, FIELDS).map(([name, value]) => [h("span", { class: "muted" }, `${name} `), h("bdi", { class: kindOf(value) }, brief(value)), "   "]).flat();
  }
  const said = fields !== undefined && fields !== null ? stringify(fields) : record.content ?? `${record.content_base64.slice(0, 60)}… (bytes)`;
  return [h("span", { class: "string" }, said.slice(0, LONGEST))];
}

function brief(value) {
  const said = typeof value === "string" ? value : stringify(value);
  return said.length > LONGEST ? `${said.slice(0, LONGEST)}…` : said;
}
