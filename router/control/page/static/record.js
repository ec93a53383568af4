// One record, whole: its content in colours, what lies beside it, where it came from.

import { button, download, h } from "/page/dom.js";
import { say } from "/page/dialogs.js";
import { Exact, pretty, stringify } from "/page/exact.js";
import { size } from "/page/format.js";

const COLOURED = 200_000; // letters: beyond it, plain text
const SHOWN = 2_000_000;

/**
 * @param {any} record as the API gives it
 * @param {{whole?: () => Promise<any>}} [how] `whole` asks for a record that was cut
 * @returns {HTMLElement}
 */
export function recordDetails(record, { whole } = {}) {
  const node = h("div", { class: "record" });
  const said = contentOf(record);
  const tools = [
    h("span", { class: "muted" }, `${record.format}, ${size(record.size)}`),
    record.is_cut && whole && button("Show whole", async () => node.replaceWith(recordDetails(await whole(), {}))),
    button("Copy", () => copy(said)),
    button("Save", () => save(record, said)),
  ];
  node.append(h("div", { class: "row tools" }, tools));
  if (record.is_cut) node.append(h("p", { class: "muted" }, "Too long to be shown at once: this is its beginning."));
  node.append(content(record, said));
  node.append(...beside("Beside it", record.columns), ...beside("Came from", record.attributes));
  return node;
}

/** The content as text: JSON on many lines, text as it is, bytes as base64. @param {any} record */
function contentOf(record) {
  if (record.record !== undefined && record.record !== null) return pretty(record.record);
  return record.content ?? record.content_base64 ?? "";
}

/** The content on one line of a file. @param {any} record */
export function lineOf(record) {
  if (record.record !== undefined && record.record !== null) return stringify(record.record);
  return stringify(record.content_base64 === undefined ? { content: record.content } : { content_base64: record.content_base64 });
}

function content(record, said) {
  if (record.record !== undefined && record.record !== null && said.length <= COLOURED) {
    return h("pre", { class: "json", tabindex: 0, "aria-label": "Content" }, tree(record.record, ""));
  }
  const kind = record.content_base64 === undefined ? "" : "No text: its bytes as base64.";
  const shown = said.length > SHOWN ? `${said.slice(0, SHOWN)}…` : said;
  return h("div", {}, kind && h("p", { class: "muted" }, kind), h("pre", { class: "json", tabindex: 0, "aria-label": "Content" }, shown));
}

/** JSON as elements, so that its parts have colours; each part is text. */
function tree(value, indent) {
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length) return enclosed("[", value.map((each) => [inner, tree(each, inner)]), `${indent}]`);
  if (value !== null && typeof value === "object" && !(value instanceof Exact) && Object.keys(value).length) {
    const parts = Object.entries(value).map(([name, each]) => [inner, h("span", { class: "key" }, JSON.stringify(name)), ": ", tree(each, inner)]);
    return enclosed("{", parts, `${indent}}`);
  }
  return h("bdi", { class: kindOf(value) }, stringify(value)); // its direction ends where it ends
}

function enclosed(begin, parts, end) {
  const lines = parts.map((each, place) => [...each, place < parts.length - 1 ? ",\n" : "\n"]);
  return h("span", {}, `${begin}\n`, lines.flat(), end);
}

/** @param {any} value */
export function kindOf(value) {
  if (value instanceof Exact || typeof value === "number") return "number";
  return typeof value === "string" ? "string" : "word";
}

function beside(title, values) {
  const known = Object.entries(values ?? {});
  if (!known.length) return [];
  const rows = known.map(([name, value]) => [h("dt", {}, name), h("dd", {}, typeof value === "string" ? value : stringify(value))]);
  return [h("h4", {}, title), h("dl", { class: "pairs" }, rows.flat())];
}

async function copy(said) {
  try {
    await navigator.clipboard.writeText(said);
    say("Copied.");
  } catch {
    say("the browser lets nothing be copied from here; select the text instead", true);
  }
}

function save(record, said) {
  if (record.content_base64 !== undefined) {
    const bytes = Uint8Array.from(atob(record.content_base64), (each) => each.charCodeAt(0));
    download(`record-${record.id}.bin`, [bytes], "application/octet-stream");
  } else {
    const isJson = record.record !== undefined && record.record !== null;
    download(`record-${record.id}.${isJson ? "json" : "txt"}`, [said], isJson ? "application/json" : "text/plain");
  }
}
