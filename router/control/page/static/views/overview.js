// The flow as a whole, shown beside the graph while nothing in it is chosen.

import { send } from "/page/api.js";
import { confirmed, say, tried } from "/page/dialogs.js";
import { button, h, text } from "/page/dom.js";
import { Figures } from "/page/figures.js";
import { count, duration, plural } from "/page/format.js";
import { address } from "/page/routes.js";
import { bulletinList } from "/page/views/bulletins.js";

/** @param {import("../app.js").App} app @returns {import("../app.js").View} */
export function overview(app) {
  const flow = app.flow;
  const figures = new Figures(["Runs for", "Waiting", "Under way", "Dead letters", "Processors", "Queues"]);
  const bulletins = bulletinList(app);
  const error = h("p", { class: "wrong", role: "alert" }, "");
  const letters = h("a", { class: "dead", href: address({ flow: flow.name, view: "letters" }) }, "");
  const facts = [["File", flow.file ?? "–"], ["Data", flow.data], ["Process", String(flow.process)], ["Version", flow.version || "–"], ["Provenance", flow.provenance]];
  const node = h(
    "article", { class: "panel-body", "aria-label": "The flow" },
    h("h2", {}, h("span", { class: "kind" }, "Flow"), flow.name), flow.description && h("p", {}, flow.description), error, letters, figures.node,
    h("p", { class: "hint" }, "Choose a queue in the graph to see the records in it, or a processor to see what it does, to stop it and to start it."),
    h("h3", {}, "Bulletins"), bulletins.node,
    h("h3", {}, "Where it is"), h("dl", { class: "pairs" }, facts.flatMap(([name, value]) => [h("dt", {}, name), h("dd", {}, value)])),
    h("div", { class: "row tools" }, button("Stop the flow…", () => stop(app), { class: "danger" })),
  );
  return {
    node,
    update(now) {
      text(error, now.error ?? "");
      letters.hidden = !now.dead_letters_kept;
      text(letters, `${plural(now.dead_letters_kept, "dead letter")}: see why`);
      figures.show({
        "Runs for": duration(now.seconds), Waiting: count(now.connections.reduce((sum, each) => sum + each.records, 0)), "Under way": plural(now.outstanding, "batch").replace("batchs", "batches"),
        "Dead letters": count(now.dead_letters_kept), Processors: count(now.processors.length), Queues: count(now.connections.length),
      });
      bulletins.update();
    },
    close: bulletins.close,
  };
}

async function stop(app) {
  const says = "Its sources stop first, then what is under way arrives, and the process ends. To start it again, run it from a terminal.";
  if (!(await confirmed({ title: `Stop ${app.place.flow}?`, says, action: "Stop the flow" }))) return;
  await tried(async () => {
    await send("POST", app.path("stop"), { body: {} });
    say(`${app.place.flow} is stopping.`);
  });
}
