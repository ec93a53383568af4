// Small pictures, drawn here: no two systems have the same letters.

import { svg } from "/page/dom.js";

const PATHS = {
  graph: "M3 8h5c3 0 3-4 6-4h3M8 8c3 0 3 7 6 7h3M3 8h.01M17 4h.01M17 15h.01",
  queues: "M3 5h14M3 10h14M3 15h9",
  letters: "M3 5h14v10H3zM3 6l7 5 7-5",
  provenance: "M5 3v4c0 3 5 2 5 6v4M15 3v4c0 3-5 2-5 6",
  log: "M4 4h12v12H4zM7 8h6M7 12h4",
  auto: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  light: "M10 7a3 3 0 1 0 0 6a3 3 0 0 0 0-6M10 2v2M10 16v2M2 10h2M16 10h2M4.5 4.5l1.4 1.4M14.1 14.1l1.4 1.4M15.5 4.5l-1.4 1.4M5.9 14.1l-1.4 1.4",
  dark: "M15.5 12.5A6.5 6.5 0 0 1 7.5 4.5a6.5 6.5 0 1 0 8 8z",
};

/** @param {keyof typeof PATHS} name */
export function icon(name) {
  return svg("svg", { viewBox: "0 0 20 20", class: "icon", "aria-hidden": "true" }, svg("path", { d: PATHS[name] }));
}
