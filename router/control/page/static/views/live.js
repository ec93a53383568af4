// Records as they come into a queue. What is read stays where it is: newer ones wait until it is closed.

import { ApiError, events } from "/page/api.js";
import { h, text } from "/page/dom.js";
import { Filter } from "/page/filter.js";
import { plural } from "/page/format.js";
import { recordDetails } from "/page/record.js";
import { Rows, preview } from "/page/rows.js";

const MOST = 100;
const AGAIN = 1500;

/** @param {import("../app.js").App} app @param {string} id */
export function liveRecords(app, id) {
  const rows = new Rows({ label: "Records as they come", changed: show });
  const filter = new Filter({ label: "Filter records by an expression", hint: "score > 0.5 and lang == 'en'", apply: begin });
  const said = h("p", { class: "muted", role: "status" }, "Waiting for a record to pass.");
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: () => hold(!isHeld) }, "Pause");
  const node = h("div", {}, filter.node, h("div", { class: "row tools" }, pause, said), rows.node);
  let [seen, lost, isHeld, isOver] = [0, 0, false, false];
  let control = new AbortController();
  /** @type {any[]} */
  let held = [];

  function hold(value) {
    isHeld = value;
    pause.setAttribute("aria-pressed", String(value));
    text(pause, value ? "Go on" : "Pause");
    show();
  }

  /** What is read, or pointed at, stays where it is. */
  function isLookedAt() {
    return rows.isOpen || rows.node.matches(":hover");
  }

  function show() {
    if (held.length && !isHeld && !isLookedAt()) {
      rows.prepend(held.map(row), MOST);
      held = [];
    }
    const waits = held.length ? `, ${held.length === MOST ? "100 or more" : held.length} newer ${isHeld ? "when you go on" : rows.isOpen ? "when you close what you read" : "when you point elsewhere"}` : "";
    const left = lost ? `, ${plural(lost, "record")} too fast to be shown` : "";
    if (seen) text(said, `${plural(seen, "record")} shown${left}${waits}`);
  }

  function row(record) {
    return { id: record.id, line: preview(record), details: () => recordDetails(record) };
  }

  async function begin(where) {
    control.abort();
    const mine = (control = new AbortController());
    const stream = events(app.path("connections", id, "tap"), { where }, mine.signal);
    const first = stream.next(); // a wrong expression is refused before anything comes
    await Promise.race([first.catch((error) => refused(error)), new Promise((resolve) => setTimeout(resolve, 400))]);
    follow(stream, first, where, mine);
  }

  async function follow(stream, first, where, mine) {
    try {
      for (let each = await first; !each.done; each = await stream.next()) take(each.value);
    } catch (error) {
      if (mine.signal.aborted || (error instanceof ApiError && error.status === 400)) return;
    }
    // The flow has ended, or does not answer: it may be back.
    if (!isOver && mine === control) setTimeout(() => !isOver && mine === control && begin(where).catch(() => undefined), AGAIN);
  }

  function take({ event, data }) {
    if (event === "record") {
      seen += 1;
      held = [...held.slice(1 - MOST), data];
    } else if (event === "lost") lost += Number(data.records);
    requestAnimationFrame(show);
  }

  /** While nobody looks, nobody is sent anything. */
  function followSight() {
    if (document.hidden) control.abort();
    else begin(filter.where).catch(() => undefined);
  }

  document.addEventListener("visibilitychange", followSight);
  begin("").catch(() => undefined);
  return {
    node,
    rows,
    filter,
    close() {
      isOver = true;
      document.removeEventListener("visibilitychange", followSight);
      control.abort();
    },
  };
}

function refused(error) {
  if (error instanceof ApiError && error.status === 400) throw error;
}
