// Dead letters: records that failed and were set aside, why, and what is to become of them.

import { fetched, get, send } from "/page/api.js";
import { choice, confirmed, say, tried } from "/page/dialogs.js";
import { button, download, h, text } from "/page/dom.js";
import { Filter } from "/page/filter.js";
import { count, moment, plural } from "/page/format.js";
import { recordDetails } from "/page/record.js";
import { address } from "/page/routes.js";
import { Rows, preview } from "/page/rows.js";

const PAGE = 50;
const AT_MOST = 1000; // milliseconds from one look to the next
const WHOLE = 16 << 20;
const LONGEST = 1000; // ids in one request

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function lettersView(app) {
  const path = app.path("dead-letters");
  let [following, where, seen, isAsking] = [null, "", -1, false];
  let [hasRetried, asked] = [false, 0];
  /** @type {number[]} where the pages before began */
  let starts = [0];
  const rows = new Rows({ label: "Dead letters", marks: true, changed: showTools });
  const filter = new Filter({ label: "Filter dead letters by an expression", hint: "meta.error.type == 'ValueError'", apply: (said) => load([0], said) });
  const said = h("p", { class: "muted", role: "status" }, "");
  const empty = h("p", { class: "empty", hidden: true }, "");
  const names = ["Retry", "Retry elsewhere…", "Export", "Delete…"];
  const tools = [button("", () => retry()), button("", elsewhere), button("", save), button("", remove, { class: "danger" })];
  const newer = button("Later →", () => tried(() => load([...starts, following])));
  const older = button("← Earlier", () => tried(() => load(starts.slice(0, -1))));
  const all = h("label", { class: "inline" }, h("input", { type: "checkbox", onchange: (event) => rows.markAll(event.target.checked) }), " Mark all on this page");
  const node = h("section", { class: "page", "aria-label": "Dead letters" }, h("h2", {}, "Dead letters"), h("p", { class: "muted" }, "Records that failed where nothing was connected to take them. They are kept until you retry or delete them."), filter.node, h("div", { class: "row tools" }, tools), h("div", { class: "row" }, all, said), rows.node, empty, h("div", { class: "row pages" }, older, newer));

  async function load(pages, wanted = where) {
    const found = await get(path, { where: wanted, after: pages[pages.length - 1], limit: PAGE }, { exact: true });
    [starts, following, where] = [pages, found.following, wanted];
    [seen, asked] = [app.flow?.dead_letters_kept ?? -1, Date.now()];
    hasRetried = found.letters.some((each) => each.retry_to !== null);
    all.firstChild.checked = false;
    rows.show(found.letters.map((each) => ({ id: each.id, line: line(each), details: () => details(app, each, { retry, remove }) })));
    text(said, `${count(found.letters.length)} shown of ${count(found.kept)} kept, the oldest first`);
    empty.hidden = found.letters.length > 0;
    text(empty, where ? "None of the dead letters matches." : "None: no record has failed.");
    older.disabled = starts.length === 1;
    newer.disabled = following === null;
  }

  /** Which ones a button means: the marked ones, else those that match, else all. */
  function meant(ids) {
    if (ids) return { query: { ids }, said: plural(ids.length, "dead letter") };
    const marked = [...rows.marked].map(Number).slice(0, LONGEST);
    if (marked.length) return { query: { ids: marked }, said: plural(marked.length, "dead letter") };
    return where ? { query: { where }, said: "all that match" } : { query: {}, said: "all dead letters" };
  }

  function showTools() {
    const which = rows.marked.size ? ` ${count(rows.marked.size)} marked` : where ? " those that match" : " all";
    tools.forEach((each, place) => text(each, names[place].replace(/^(\w+)/, `$1${which}`)));
  }

  async function changed(records, did) {
    say(`${did} ${plural(records, "dead letter")}.`);
    app.soon();
    await load(starts);
  }

  async function retry(ids, to) {
    const { query, said: what } = meant(ids);
    const isMany = !query.ids;
    if (isMany && !(await confirmed({ title: `Retry ${what}?`, says: "They are put back on the queues they were taken from, and leave the dead letters if they do not fail again.", action: "Retry", isHarmless: true }))) return;
    await tried(async () => changed((await send("POST", app.path("dead-letters", "retry"), { body: { ...query, to } })).records, "Trying again:"));
  }

  async function elsewhere() {
    const { query, said: what } = meant();
    const to = await choice({ title: `Retry ${what} elsewhere`, says: "Put them on this queue:", choices: app.flow.connections.map((each) => each.id), action: "Retry" });
    if (to) await tried(async () => changed((await send("POST", app.path("dead-letters", "retry"), { body: { ...query, to } })).records, "Trying again:"));
  }

  async function remove(ids) {
    const { query, said: what } = meant(Array.isArray(ids) ? ids : undefined);
    if (!(await confirmed({ title: `Delete ${what}?`, says: "They are deleted for good. Export them first if you may need them.", action: "Delete" }))) return;
    await tried(async () => changed((await send("DELETE", path, { query })).records, "Deleted"));
  }

  async function save() {
    await tried(async () => {
      download(`${app.place.flow}-dead-letters.jsonl`, [await fetched(app.path("dead-letters", "export"), meant().query)], "application/jsonl");
      say("Exported as JSON lines.");
    });
  }

  tried(() => load([0]));
  return {
    node,
    update(flow) {
      // New ones are shown at once, but not under the eyes of somebody who reads or marks.
      const isOld = seen !== flow.dead_letters_kept || hasRetried;
      if (!isOld || isAsking || Date.now() - asked < AT_MOST || rows.isOpen || rows.marked.size) return;
      isAsking = true;
      load(starts).catch(() => undefined).finally(() => (isAsking = false));
    },
    keys: [
      ...rows.keys,
      { key: "/", does: "filter by an expression", run: () => filter.focus() },
      { key: "r", does: "retry those that are marked, or all", run: () => retry() },
      { key: "x", does: "delete, after a question", run: () => remove() },
      { key: "e", does: "export to a file", run: save },
    ],
  };
}

function line(letter) {
  const about = letter.retry_to ? h("span", { class: "pill retrying" }, "is being retried") : null;
  return [
    h("time", { class: "muted figure" }, moment(Number(letter.time))), h("b", {}, letter.processor), about,
    h("span", { class: "bad" }, `${letter.error.type ?? "error"}: ${String(letter.error.message ?? "").slice(0, 200)}`), ...preview(letter.record),
  ];
}

function details(app, letter, { retry, remove }) {
  const path = app.path("dead-letters", letter.id);
  const whole = async () => (await get(path, { cut: WHOLE }, { exact: true })).record;
  const from = letter.connection && h("a", { href: address({ flow: app.place.flow, view: "graph", what: "connection", id: letter.connection }) }, letter.connection);
  const facts = [["Why", `${letter.error.type}: ${letter.error.message}`], ["Failed in", letter.processor], ["Taken from", from ?? "–"], ["Attempts", String(letter.attempts)], ["First", moment(Number(letter.first_time))], ["Last", moment(Number(letter.time))]];
  return h(
    "div", {}, h("dl", { class: "pairs" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div", { class: "row tools" }, button("Retry this one", () => retry([letter.id])), button("Delete this one…", () => remove([letter.id]), { class: "danger" })),
    letter.record ? recordDetails(letter.record, { whole }) : h("p", {}, "What was stored of it is damaged."),
  );
}
