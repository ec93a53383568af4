// The drawing of a flow: made once for its shape, then only its figures change.

import { attribute, svg, text } from "/page/dom.js";
import { count, duration, level, percent, rate, short } from "/page/format.js";
import { layout } from "/page/graph/layout.js";

const BOX = { width: 196, height: 74 };
const PLATE = { width: 150, height: 46 };
const GLYPHS = { running: "●", waiting: "○", blocked: "▲", retrying: "▲", resting: "▲", paused: "▲", stopped: "■", ended: "✓" };

/** @typedef {{x: number, y: number, width: number, height: number}} Rect */

/**
 * @param {any} flow
 * @param {boolean} isDown whether records flow down, or to the right
 */
export function drawing(flow, isDown) {
  const side = ({ width, height }) => (isDown ? { along: height, across: width } : { along: width, across: height });
  const sizes = { processor: side(BOX), plate: side(PLATE), gap: isDown ? 26 : 34, space: isDown ? 22 : 20 };
  const made = layout(flow.processors.map((each) => each.name), flow.connections, sizes);
  const rect = (item) => placed(item, sizes, isDown);
  const lines = flow.connections.map((each) => line(made.ways.get(each.id), rect, isDown));
  const plates = new Map(flow.connections.map((each) => [each.id, plate(each, rect(made.items.get(`connection ${each.id}`)))]));
  const boxes = new Map(flow.processors.map((each) => [each.name, box(each, rect(made.items.get(each.name)))]));
  const [width, height] = isDown ? [made.across, made.along] : [made.along, made.across];
  const parts = [...boxes.values(), ...plates.values()];
  const start = rect([...made.items.values()].find((each) => each.layer === 0) ?? { kind: "bend", layer: 0, along: 0, across: 0 });
  return { start, nodes: [...lines, ...parts.map((each) => each.node)], boxes, plates, width, height };
}

function placed(item, sizes, isDown) {
  const { along, across } = item.kind === "bend" ? { along: sizes[item.layer % 2 ? "plate" : "processor"].along, across: 0 } : sizes[item.kind];
  const start = item.across - across / 2;
  return isDown
    ? { x: start, y: item.along, width: across, height: along }
    : { x: item.along, y: start, width: along, height: across };
}

/** The line of a connection, from its producer over its plate and bends to its consumer. */
function line({ items, isBack }, rect, isDown) {
  const rects = items.map(rect);
  const isLoop = items[0] === items[items.length - 1];
  let path = "";
  for (let place = 1; place < rects.length; place++) {
    const turned = isBack && (!isLoop || place === rects.length - 1);
    const from = end(rects[place - 1], isDown, !turned);
    const to = end(rects[place], isDown, turned);
    const pull = (turned ? -1 : 1) * Math.max(14, Math.abs(isDown ? to.y - from.y : to.x - from.x) / 2);
    const [one, two] = isDown ? [`${from.x} ${from.y + pull}`, `${to.x} ${to.y - pull}`] : [`${from.x + pull} ${from.y}`, `${to.x - pull} ${to.y}`];
    path += `${place === 1 ? `M${from.x} ${from.y}` : `L${from.x} ${from.y}`}C${one} ${two} ${to.x} ${to.y}`;
  }
  return svg("path", { d: path, class: isBack ? "line back" : "line", "marker-end": "url(#arrow)" });
}

function end({ x, y, width, height }, isDown, isFar) {
  return isDown ? { x: x + width / 2, y: isFar ? y + height : y } : { x: isFar ? x + width : x, y: y + height / 2 };
}

/** A processor: its name, type, state and rate. */
function box(processor, { x, y, width, height }) {
  const label = (dx, dy, kind, anchor = "start") => svg("text", { x: dx, y: dy, class: kind, "text-anchor": anchor });
  const parts = {
    name: label(14, 23, "name"),
    type: label(14, 41, "type"),
    rate: label(14, 60, "figure"),
    state: label(width - 12, 41, "state", "end"),
    right: label(width - 12, 60, "figure", "end"),
  };
  parts.name.append(cut(processor.name, 20));
  parts.type.append(cut(processor.type, 15));
  const frame = svg("rect", { width, height, rx: 9, class: "frame" });
  const strip = svg("rect", { width: 5, height: height - 18, x: 0, y: 9, rx: 2.5, class: "strip" });
  const title = svg("title", {}, processor.description || `${processor.name}, ${processor.type}`);
  const node = svg("g", { class: "box", transform: `translate(${x} ${y})`, tabindex: -1, role: "button" }, title, frame, strip, Object.values(parts));
  node.dataset.processor = processor.name;
  return { node, rect: { x, y, width, height }, update: (now) => updateBox(node, parts, now) };
}

function updateBox(node, parts, now) {
  attribute(node, "class", `box ${now.state}${node.classList.contains("chosen") ? " chosen" : ""}`);
  text(parts.state, `${GLYPHS[now.state] ?? "?"} ${now.state}`);
  text(parts.rate, rate(now.is_source ? now.rate_out : now.rate_in));
  const done = now.progress?.[1] ? percent(now.progress[0] / now.progress[1]) : "";
  text(parts.right, now.errors ? `${short(now.errors)} failed` : done || (now.calls ? `≤ ${duration(now.calls.p99)}` : ""));
  attribute(parts.right, "class", now.errors ? "figure bad" : "figure muted");
  const failed = now.errors ? `, ${count(now.errors)} failed` : "";
  attribute(node, "aria-label", `Processor ${now.name}, ${now.type}, ${now.state}, ${rate(now.is_source ? now.rate_out : now.rate_in)}${failed}`);
}

/** A connection: which relationship it is, how much waits, how full it is, how much passes. */
function plate(connection, { x, y, width, height }) {
  const label = (dx, dy, kind, anchor = "start") => svg("text", { x: dx, y: dy, class: kind, "text-anchor": anchor });
  const parts = {
    name: label(10, 16, "relationship"),
    rate: label(width - 10, 16, "figure", "end"),
    waiting: label(10, 31, "figure"),
    full: label(width - 10, 31, "figure", "end"),
  };
  const bar = svg("rect", { x: 10, y: 36, height: 5, rx: 2.5, width: 0, class: "bar" });
  const named = connection.input ? `${connection.relationship}>${connection.input}` : connection.relationship;
  parts.name.append(cut(named, 12));
  const frame = svg("rect", { width, height, rx: 9, class: "frame" });
  const groove = svg("rect", { x: 10, y: 36, width: width - 20, height: 5, rx: 2.5, class: "groove" });
  const title = svg("title", {}, `${connection.id}: look at its records`);
  const node = svg("g", { class: "plate", transform: `translate(${x} ${y})`, tabindex: -1, role: "button" }, title, frame, groove, bar, Object.values(parts));
  node.dataset.connection = connection.id;
  const update = (now) => {
    attribute(node, "class", `plate ${level(now.full)}${node.classList.contains("chosen") ? " chosen" : ""}`);
    text(parts.rate, rate(now.rate_out));
    text(parts.waiting, now.queue === "disk" ? `${short(now.records)} on disk` : `${short(now.records)} waiting`);
    text(parts.full, `${level(now.full) === "high" ? "! " : ""}${percent(now.full)}`);
    attribute(bar, "width", ((width - 20) * Math.min(1, now.full)).toFixed(1));
    attribute(node, "aria-label", `Queue ${now.id}, ${count(now.records)} waiting, ${percent(now.full)} full, ${rate(now.rate_out)}`);
  };
  return { node, rect: { x, y, width, height }, update };
}

function cut(said, most) {
  return said.length > most ? `${said.slice(0, most - 1)}…` : said;
}
