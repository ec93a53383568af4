// The live graph: chosen with mouse, fingers or keys, drawn anew only when the flow has another shape.

import { found, say } from "/page/dialogs.js";
import { h, svg } from "/page/dom.js";
import { drawing } from "/page/graph/draw.js";
import { Viewport } from "/page/graph/viewport.js";
import { go } from "/page/routes.js";

const AHEAD = { ArrowRight: [1, 0], ArrowLeft: [-1, 0], ArrowDown: [0, 1], ArrowUp: [0, -1], l: [1, 0], h: [-1, 0], j: [0, 1], k: [0, -1] };

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function graphView(app) {
  const scene = svg("g");
  const marker = svg("marker", { id: "arrow", viewBox: "0 0 8 8", refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: "auto" }, svg("path", { d: "M0 0.5 8 4 0 7.5z", class: "tip" }));
  const root = svg("svg", { class: "graph", role: "group", "aria-label": "Graph of the flow. Arrow keys move, Enter opens." }, svg("defs", {}, marker), scene);
  const viewport = new Viewport(root, scene);
  const zooms = [["+", "Zoom in", () => viewport.zoom(1.25)], ["−", "Zoom out", () => viewport.zoom(0.8)], ["⤢", "Fit", () => fit()]];
  const tools = h("div", { class: "zoom" }, zooms.map(([label, name, onclick]) => h("button", { type: "button", class: "quiet", "aria-label": name, title: name, onclick }, label)));
  const node = h("section", { class: "canvas", "aria-label": "Graph" }, root, tools);
  let shape = "";
  /** @type {any} */
  let drawn = null;
  let flow = null;

  function fit() {
    if (drawn) viewport.fit(drawn);
  }

  /** Draw where there is another shape, in the direction in which it can be the largest. */
  function draw() {
    const { width, height } = node.getBoundingClientRect();
    if (!width || !flow) return;
    const tries = [drawing(flow, false), drawing(flow, true)];
    const [right, down] = tries.map((made) => Math.min(1.15, (width - 40) / made.width, (height - 40) / made.height));
    drawn = tries[Number(down > right)];
    scene.replaceChildren(...drawn.nodes);
    fit();
    choose();
    refresh();
  }

  function refresh() {
    for (const each of flow.processors) drawn?.boxes.get(each.name)?.update(each);
    for (const each of flow.connections) drawn?.plates.get(each.id)?.update(each);
  }

  function parts() {
    return drawn ? [...drawn.boxes.values(), ...drawn.plates.values()] : [];
  }

  /** Mark what is shown beside the graph; the tabulator comes to it, or to the first box. */
  function choose() {
    const { what, id } = app.place;
    const chosen = what === "processor" ? drawn?.boxes.get(id) : what === "connection" ? drawn?.plates.get(id) : null;
    if (chosen && !chosen.node.classList.contains("chosen")) viewport.reveal(chosen.rect);
    for (const each of parts()) each.node.classList.toggle("chosen", each === chosen);
    reachable(chosen ?? parts().find((each) => each.node.getAttribute("tabindex") === "0") ?? parts()[0]);
  }

  async function find() {
    const choices = [...flow.processors.map((each) => each.name), ...flow.connections.map((each) => each.id)];
    const id = await found({ title: "Find", says: "Name of a processor or a queue", choices, action: "Show" });
    if (id === null) return;
    const part = drawn?.boxes.get(id) ?? drawn?.plates.get(id);
    if (part) open(part.node);
    else say("Nothing has that name.");
  }

  function open(target) {
    const { processor, connection } = target.dataset;
    if (processor !== undefined) go({ ...app.place, what: "processor", id: processor });
    else go({ ...app.place, what: "connection", id: connection });
  }

  root.addEventListener("click", (event) => {
    const target = event.target.closest("[role=button]");
    if (target) open(target);
  });
  root.addEventListener("keydown", (event) => {
    const from = parts().find((each) => each.node === document.activeElement);
    if (event.key === "Enter" || event.key === " ") {
      if (from) open(from.node);
    } else if (event.key === "+" || event.key === "-") viewport.zoom(event.key === "+" ? 1.25 : 0.8);
    else if (event.key === "0") fit();
    else if (from && AHEAD[event.key]) focus(nearest(from, AHEAD[event.key]) ?? from);
    else return;
    event.preventDefault();
  });

  /** One part at a time is reached by the tabulator. */
  function reachable(part) {
    for (const each of parts()) each.node.setAttribute("tabindex", each === part ? "0" : "-1");
  }

  function focus(part) {
    reachable(part);
    part.node.focus();
    viewport.reveal(part.rect);
  }

  /** The part that lies next in a direction. */
  function nearest(from, [dx, dy]) {
    const centre = ({ rect }) => ({ x: rect.x + rect.width / 2, y: rect.y + rect.height / 2 });
    const here = centre(from);
    const scored = parts().flatMap((each) => {
      const there = centre(each);
      const ahead = (there.x - here.x) * dx + (there.y - here.y) * dy;
      const aside = Math.abs((there.x - here.x) * dy) + Math.abs((there.y - here.y) * dx);
      return ahead > 1 ? [{ each, score: ahead + 2 * aside }] : [];
    });
    return scored.sort((one, other) => one.score - other.score)[0]?.each;
  }

  const resized = new ResizeObserver(() => (viewport.isMoved ? undefined : draw()));
  resized.observe(node);
  return {
    node,
    update(now) {
      flow = now;
      const found = JSON.stringify([now.processors.map((each) => [each.name, each.type]), now.connections.map((each) => each.id)]);
      if (found !== shape) {
        shape = found;
        draw();
      } else refresh();
    },
    placed: choose,
    focus: () => root.querySelector("[tabindex='0']")?.focus(),
    close: () => resized.disconnect(),
    keys: [
      { key: "/", does: "find a processor or a queue", run: find },
      { key: "+", does: "zoom in", run: () => viewport.zoom(1.25) },
      { key: "-", does: "zoom out", run: () => viewport.zoom(0.8) },
      { key: "0", does: "show all of the graph", run: fit },
      { key: "ArrowRight", does: "go into the graph; arrows or hjkl move, Enter opens", run: () => focus(parts().find((each) => each.node.getAttribute("tabindex") === "0") ?? parts()[0]) },
    ],
  };
}
