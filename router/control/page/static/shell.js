// The page around the views: which flow, how it is, where to go, what is shown beside.

import { of } from "/page/api.js";
import { help } from "/page/dialogs.js";
import { attribute, h, text } from "/page/dom.js";
import { count, rate } from "/page/format.js";
import { graphView } from "/page/graph/view.js";
import { icon } from "/page/icons.js";
import { ignore, listen } from "/page/keys.js";
import { address, go, here } from "/page/routes.js";
import { themeSwitch } from "/page/theme.js";
import { connectionView } from "/page/views/connection.js";
import { lettersView } from "/page/views/letters.js";
import { logView } from "/page/views/log.js";
import { overview } from "/page/views/overview.js";
import { processorView } from "/page/views/processor.js";
import { provenanceView } from "/page/views/provenance.js";
import { queuesView } from "/page/views/queues.js";
import { Watch } from "/page/watch.js";

/** @type {Record<string, {name: string, key: string, make: (app: any) => import("./app.js").View, hasPanel?: boolean}>} */
const VIEWS = {
  graph: { name: "Graph", key: "g", make: graphView, hasPanel: true },
  queues: { name: "Queues", key: "q", make: queuesView, hasPanel: true },
  letters: { name: "Dead letters", key: "d", make: lettersView },
  provenance: { name: "Provenance", key: "p", make: provenanceView },
  log: { name: "Log", key: "l", make: logView },
};
const BANNERS = {
  lost: "The flow does not answer. What you see is from before; trying again…",
  ended: "The flow has ended. When it runs again, it shows here.",
};

export class Shell {
  /** @param {any[]} flows @param {(said?: string) => void} login asks for the token */
  constructor(flows, login) {
    this.flows = flows;
    this.login = login;
    this.place = { flow: flows[0].name, view: "graph" };
    this.flow = null;
    /** @type {import("./app.js").View | null} */
    this.view = null;
    /** @type {import("./app.js").View | null} */
    this.panel = null;
    [this.shownView, this.shownPanel, this.process] = ["", "", 0];
    this.build();
    this.onHash = () => this.moved();
    addEventListener("hashchange", this.onHash);
    listen("Everywhere", this.keys());
    this.watch = this.watched();
    this.moved();
  }

  // -- what views ask for -----------------------------------------------------------------------

  /** @param {...(string | number)} parts */
  path(...parts) {
    return of(this.place.flow, ...parts);
  }

  /** @param {string} id */
  connection(id) {
    return this.flow?.connections.find((each) => each.id === id);
  }

  /** @param {string} name */
  processor(name) {
    return this.flow?.processors.find((each) => each.name === name);
  }

  soon() {
    this.watch.soon();
  }

  close() {
    removeEventListener("hashchange", this.onHash);
    this.watch.close();
    this.view?.close?.();
    this.panel?.close?.();
    ["Everywhere", "This view", "Beside it"].forEach(ignore);
  }

  // -- the frame --------------------------------------------------------------------------------

  build() {
    const names = this.flows.map((each) => each.name);
    this.chooser = names.length > 1 ? h("select", { "aria-label": "Flow", class: "flow", onchange: (event) => go({ flow: event.target.value, view: "graph" }) }, names.map((each) => h("option", { value: each }, each))) : h("span", { class: "flow" }, names[0]);
    this.state = h("a", { class: "pill", title: "The flow as a whole" }, "…");
    this.figures = ["from sources", "waiting"].map((name) => ({ value: h("b", { class: "figure" }, "–"), name }));
    this.links = new Map(Object.entries(VIEWS).map(([view, { name, key }]) => [view, h("a", { title: `${name} (${key})` }, icon(view), h("span", { class: "label" }, name))]));
    this.badge = h("span", { class: "badge", hidden: true }, "");
    this.links.get("letters").append(this.badge);
    this.banner = h("p", { class: "banner", role: "status", hidden: true }, "");
    this.main = h("main", { id: "main", tabindex: -1 });
    this.side = h("aside", { "aria-label": "What is chosen", tabindex: -1 });
    const keys = h("button", { type: "button", class: "quiet", "aria-label": "Keys", title: "Keys (?)", onclick: help }, "?");
    this.theme = themeSwitch();
    const header = h("header", {}, h("span", { class: "brand", "aria-hidden": "true" }), this.chooser, this.state, h("nav", { "aria-label": "Views" }, [...this.links.values()]), h("span", { class: "totals" }, this.figures.map(({ value, name }) => h("span", {}, value, ` ${name}`))), this.theme, keys);
    const skip = h("button", { type: "button", class: "skip", onclick: () => this.main.focus() }, "Skip to the content");
    document.body.replaceChildren(skip, header, this.banner, h("div", { class: "content" }, this.main, this.side), h("div", { id: "said", role: "status", "aria-live": "polite" }));
  }

  keys() {
    const views = Object.entries(VIEWS).map(([view, { name, key }]) => ({ key, does: `show: ${name.toLowerCase()}`, run: () => go({ flow: this.place.flow, view }) }));
    return [
      { key: "?", does: "list the keys", run: help },
      ...views,
      { key: "t", does: "light, dark, or as the system says", run: () => this.theme.click() },
      { key: "Escape", does: "close what is shown beside, or go back", run: () => this.back() },
    ];
  }

  back() {
    if (this.place.what) {
      go({ flow: this.place.flow, view: this.place.view });
      this.main.focus({ preventScroll: true });
      addEventListener("hashchange", () => this.view?.focus?.(), { once: true });
    } else (document.activeElement instanceof HTMLElement) && document.activeElement.blur();
  }

  // -- the flow ---------------------------------------------------------------------------------

  watched() {
    return new Watch(this.place.flow, (flow, contact) => this.onLook(flow, contact));
  }

  onLook(flow, contact) {
    if (contact === "refused") {
      this.login("The flow was started anew, with another token.");
      return;
    }
    this.banner.hidden = contact === "live";
    text(this.banner, BANNERS[contact] ?? "");
    document.body.classList.toggle("stale", contact !== "live");
    if (!flow) return;
    const isAnother = this.process !== 0 && this.process !== flow.process;
    [this.flow, this.process] = [flow, flow.process];
    if (isAnother) [this.shownView, this.shownPanel] = ["", ""]; // what views kept was of a process that is gone
    this.show();
    this.total(flow, contact);
    this.view?.update?.(flow);
    this.panel?.update?.(flow);
  }

  total(flow, contact) {
    const state = contact === "live" ? flow.state : contact === "ended" ? "ended" : "no answer";
    text(this.state, state);
    this.state.className = `pill ${state.replace(" ", "-")}`;
    const sources = flow.processors.filter((each) => each.is_source);
    text(this.figures[0].value, rate(sources.reduce((sum, each) => sum + each.rate_out, 0)));
    text(this.figures[1].value, count(flow.connections.reduce((sum, each) => sum + each.records, 0)));
    this.badge.hidden = !flow.dead_letters_kept;
    text(this.badge, count(flow.dead_letters_kept));
    attribute(this.badge, "aria-label", `${count(flow.dead_letters_kept)} kept`);
  }

  // -- places -----------------------------------------------------------------------------------

  moved() {
    const place = here();
    const known = place && this.flows.some((each) => each.name === place.flow);
    const next = known ? place : { flow: this.place.flow, view: "graph" };
    if (!VIEWS[next.view]) next.view = "graph";
    const isOther = next.flow !== this.place.flow;
    this.place = next;
    if (isOther) {
      this.watch.close();
      [this.flow, this.process, this.shownView, this.shownPanel] = [null, 0, "", ""];
      this.watch = this.watched();
    }
    if (this.flow) {
      this.show();
      this.view?.update?.(this.flow);
      this.panel?.update?.(this.flow);
    }
  }

  /** Make the view and the panel of the place, where they are not those that are shown. */
  show() {
    const { flow, view, what, id } = this.place;
    const { make, hasPanel, name } = VIEWS[view];
    const wanted = JSON.stringify(hasPanel ? [flow, view] : [flow, view, what, id]);
    if (wanted !== this.shownView) {
      this.view?.close?.();
      this.shownView = wanted;
      this.view = make(this);
      this.main.replaceChildren(this.view.node);
      listen("This view", this.view.keys ?? []);
      this.main.scrollTop = 0;
    }
    this.showPanel(Boolean(hasPanel));
    this.view?.placed?.();
    attribute(this.state, "href", address({ flow, view: hasPanel ? view : "graph", what: "flow" }));
    for (const [each, link] of this.links) {
      attribute(link, "href", address({ flow, view: each }));
      attribute(link, "aria-current", each === view ? "page" : null);
    }
    if (this.chooser.tagName === "SELECT") this.chooser.value = flow;
    document.title = [id, name, flow].filter(Boolean).join(" · ");
  }

  showPanel(hasPanel) {
    const { flow, what, id } = this.place;
    const wanted = hasPanel ? JSON.stringify([flow, what, id]) : "";
    document.body.classList.toggle("has-panel", hasPanel);
    document.body.classList.toggle("has-choice", hasPanel && Boolean(what));
    if (wanted === this.shownPanel) return;
    this.panel?.close?.();
    [this.shownPanel, this.panel] = [wanted, hasPanel ? this.panelView(what, String(id)) : null];
    listen("Beside it", this.panel?.keys ?? []);
    const close = h("button", { type: "button", class: "quiet close", "aria-label": "Close", title: "Close (Esc)", onclick: () => this.back() }, "✕");
    this.side.replaceChildren(...(this.panel ? [what ? close : "", this.panel.node] : []));
    this.side.scrollTop = 0;
    if (what && this.main.contains(document.activeElement)) this.side.focus({ preventScroll: true });
  }

  panelView(what, id) {
    if (what === "processor") return processorView(this, id);
    return what === "connection" ? connectionView(this, id) : overview(this);
  }
}
