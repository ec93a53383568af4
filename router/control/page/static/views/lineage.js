// The course of one record: what it came of, what happened to it, what became of it; and its content where that is kept.

import { get, send } from "/page/api.js";
import { choice, confirmed, say, tried } from "/page/dialogs.js";
import { button, h } from "/page/dom.js";
import { clock, duration, plural } from "/page/format.js";
import { recordDetails } from "/page/record.js";
import { address } from "/page/routes.js";

/** @param {import("../app.js").App} app @param {number} number @returns {import("../app.js").View} */
export function lineageView(app, number) {
  const body = h("div", {}, h("p", { class: "muted" }, "Reading…"));
  const back = h("a", { href: address({ flow: app.place.flow, view: "provenance" }) }, "← All events");
  const tools = h("div", { class: "row tools" }, button("Replay…", () => replay()), button("Replay elsewhere…", elsewhere));
  const node = h("section", { class: "page", "aria-label": `Record ${number}` }, back, h("h2", {}, h("span", { class: "kind" }, "Record"), `#${number}`), tools, body);

  async function look() {
    const { member, connection, content } = await get(app.path("provenance", number), {}, { exact: true });
    body.replaceChildren(
      ...(member.came_of.length ? [h("h3", {}, "Came of"), tree(app, member.came_of, "came_of")] : []),
      h("h3", {}, "What happened to it"), events(member.events),
      ...(member.became.length ? [h("h3", {}, "Became"), tree(app, member.became, "became")] : []),
      h("h3", {}, "Its content"),
      content ? h("div", {}, h("p", { class: "muted" }, `As it was in ${connection}.`), recordDetails(content)) : h("p", { class: "muted" }, "It is not kept, or not any more."),
    );
  }

  async function put(to) {
    const { records } = await send("POST", app.path("provenance", "replay"), { body: { records: [number], to } });
    say(records ? "It is on its way again." : "its content is not kept, so it cannot be replayed", !records);
  }

  async function replay() {
    const says = "It is put back on the queue it was on, as it was then, and goes its way once more.";
    if (await confirmed({ title: `Replay record #${number}?`, says, action: "Replay", isHarmless: true })) await tried(() => put());
  }

  async function elsewhere() {
    const to = await choice({ title: `Replay record #${number}`, says: "Put it on this queue:", choices: app.flow.connections.map((each) => each.id), action: "Replay" });
    if (to) await tried(() => put(to));
  }

  look().catch((error) => body.replaceChildren(h("p", { class: "wrong" }, error.message)));
  return { node };
}

function tree(app, members, direction) {
  return h("ul", { class: "tree" }, members.map((each) => [
    h("li", {}, h("a", { href: address({ ...app.place, what: "record", id: String(each.record) }) }, `#${each.record}`), " ", h("span", { class: "muted" }, each.events.map((event) => `${event.type.toLowerCase().replaceAll("_", " ")} in ${event.processor}`).join(", ")), each[direction].length ? tree(app, each[direction], direction) : null, each.omitted ? h("p", { class: "muted" }, `and ${plural(each.omitted, "relative")} more`) : null),
  ]).flat());
}

function events(found) {
  return h("ol", { class: "news" }, found.map((each) => {
    const errors = Object.values(each.errors).slice(0, 1);
    const to = [each.relationship, each.target].filter(Boolean).join(" → ");
    return h("li", {}, h("time", { class: "muted figure" }, clock(Number(each.time))), " ", h("span", { class: "pill" }, each.type.toLowerCase().replaceAll("_", " ")), " ", h("b", {}, each.processor), ` ${to} `, h("span", { class: "muted" }, duration(Number(each.seconds))), errors.map((said) => h("p", { class: "bad" }, said)));
  }));
}
