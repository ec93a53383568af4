// A box for an expression: which records are meant. What the server says of it stands right below.

import { h, text } from "/page/dom.js";

let made = 0;

export class Filter {
  /** @param {{label: string, hint: string, apply: (where: string) => Promise<any>}} how `apply` raises what is wrong with it */
  constructor({ label, hint, apply }) {
    const id = `filter-${(made += 1)}`;
    this.apply = apply;
    this.input = h("input", { id, type: "text", placeholder: hint, "aria-label": label, "aria-describedby": `${id}-said`, autocomplete: "off", autocapitalize: "off", spellcheck: "false" });
    this.said = h("p", { id: `${id}-said`, class: "wrong", role: "alert" });
    this.where = "";
    const clear = h("button", { type: "button", class: "quiet", "aria-label": "Clear the filter", onclick: () => this.clear() }, "✕");
    const form = h("form", { class: "row filter", onsubmit: (event) => this.submitted(event) }, this.input, clear, h("button", { type: "submit" }, "Filter"));
    this.input.addEventListener("keydown", (event) => event.key === "Escape" && (event.preventDefault(), event.stopPropagation(), this.input.blur()));
    this.node = h("div", { class: "filter-box" }, form, this.said);
  }

  focus() {
    this.input.focus();
    this.input.select();
  }

  clear() {
    this.input.value = "";
    this.submitted();
  }

  async submitted(event) {
    event?.preventDefault();
    const before = this.where;
    this.where = this.input.value.trim();
    try {
      await this.apply(this.where);
      text(this.said, "");
      this.input.removeAttribute("aria-invalid");
    } catch (error) {
      this.where = before; // what is shown is still what was meant before
      text(this.said, error.message.replace(/^'where': /, ""));
      this.input.setAttribute("aria-invalid", "true");
    }
  }
}
