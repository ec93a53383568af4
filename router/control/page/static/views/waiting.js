// Records that wait in a queue: page by page, filtered, dropped, exported.

import { get, send } from "/page/api.js";
import { confirmed, say, tried } from "/page/dialogs.js";
import { button, download, h, text } from "/page/dom.js";
import { Filter } from "/page/filter.js";
import { count, plural } from "/page/format.js";
import { lineOf, recordDetails } from "/page/record.js";
import { Rows, preview } from "/page/rows.js";

const PAGE = 50;
const WHOLE = 16 << 20;
const MOST = 10_000; // records in a file

/**
 * @param {import("../app.js").App} app
 * @param {string} id
 * @param {() => void} live shows what passes
 */
export function waitingRecords(app, id, live) {
  const path = app.path("connections", id, "records");
  let [offset, following, where, isOver] = [0, null, "", false];
  /** @type {Map<number, string>} */
  let ids = new Map();
  const rows = new Rows({ label: "Records that wait", marks: true, changed: showTools });
  const filter = new Filter({ label: "Filter records by an expression", hint: "score > 0.5 and lang == 'en'", apply: (said) => load(0, said) });
  const said = h("p", { class: "muted", role: "status" }, "");
  const empty = h("div", { class: "empty", hidden: true }, h("p", {}, ""), h("button", { type: "button", class: "main", onclick: live }, "See records as they pass"));
  const earlier = button("← Earlier", () => tried(() => load(Math.max(0, offset - PAGE))));
  const later = button("Later →", () => tried(() => load(following)));
  const dropping = button("Drop…", drop, { class: "danger" });
  const tools = [button("Refresh", () => tried(() => load(offset))), button("Export", save), dropping];
  const node = h("div", {}, filter.node, h("div", { class: "row tools" }, tools), said, rows.node, empty, h("div", { class: "row pages" }, earlier, later));

  /** Ask for a page; what is shown stays until it has come. */
  async function load(from, wanted = where) {
    const found = await get(path, { where: wanted, offset: from, limit: PAGE }, { exact: true });
    if (isOver) return;
    [offset, following, where] = [from, found.following, wanted];
    ids = new Map(found.records.map((each) => [each.position, each.id]));
    rows.show(found.records.map((each) => ({ id: each.position, line: [h("span", { class: "place figure" }, count(each.position + 1)), ...preview(each)], details: () => recordDetails(each, { whole: () => whole(each) }) })));
    const last = offset + found.records.length;
    const which = where ? "that match" : `of ${count(found.waiting)} that wait`;
    text(said, found.records.length ? `${count(offset + 1)} to ${count(last)} ${which}, the first to be taken first` : "");
    empty.hidden = found.records.length > 0;
    text(empty.firstChild, where ? `None of ${plural(found.waiting, "record")} that ${found.waiting === 1 ? "waits" : "wait"} here matches.` : "Nothing waits here: records are taken as soon as they come.");
    earlier.disabled = offset === 0;
    later.disabled = following === null;
  }

  /** A record that was cut, if it is still where it was. */
  async function whole(record) {
    const found = await get(path, { where, offset: record.position, limit: 1, cut: WHOLE }, { exact: true });
    if (found.records[0]?.id === record.id) return found.records[0];
    say("the record has moved on meanwhile; refresh to see what waits now", true);
    return { ...record, is_cut: false };
  }

  function showTools() {
    text(dropping, rows.marked.size ? `Drop ${count(rows.marked.size)} marked…` : where ? "Drop those that match…" : "Drop all…");
  }

  async function drop() {
    const marked = [...rows.marked].map((each) => ids.get(Number(each)));
    const what = marked.length ? plural(marked.length, "marked record") : where ? `all records that match ${where}` : `all records`;
    const says = `${what[0].toUpperCase()}${what.slice(1)} that wait in ${id} at that moment ${marked.length === 1 ? "is" : "are"} dropped for good: nobody gets them, and their source is told that they are done with.`;
    if (!(await confirmed({ title: `Drop ${what}?`, says, action: marked.length ? `Drop ${count(marked.length)}` : "Drop" }))) return;
    await tried(async () => {
      const { records } = await send("DELETE", path, { query: marked.length ? { ids: marked } : { where } });
      say(`Dropped ${plural(records, "record")} of ${id}.`);
      app.soon();
      await load(0);
    });
  }

  async function save() {
    await tried(async () => {
      const lines = [];
      for (let from = 0; from !== null && lines.length < MOST; ) {
        const found = await get(path, { where, offset: from, limit: 1000, cut: WHOLE }, { exact: true });
        lines.push(...found.records.map(lineOf));
        from = found.following;
      }
      download(`${id}.jsonl`, [lines.map((each) => `${each}\n`).join("")], "application/jsonl");
      say(`Exported ${plural(lines.length, "record")} as JSON lines${lines.length >= MOST ? `, the first ${count(MOST)}` : ""}; they still wait.`);
    });
  }

  function update() {
    // Who waits at an empty list for records to come sees them come.
    const now = app.connection(id);
    if (now?.records && rows.length === 0 && !where && !isLooking) {
      isLooking = true;
      load(0).catch(() => undefined).finally(() => (isLooking = false));
    }
  }

  let isLooking = true;
  tried(() => load(0)).finally(() => (isLooking = false));
  return { node, rows, filter, drop, save, update, close: () => (isOver = true) };
}
