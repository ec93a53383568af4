// Where the person is, as the part of the address behind the `#`: links, the back button and reloads work.

/**
 * @typedef {object} Place
 * @property {string} flow
 * @property {string} view `graph`, `queues`, `letters`, `provenance` or `log`
 * @property {string} [what] `processor` or `connection`, shown beside the view; or `record`
 * @property {string} [id]
 */

/** @returns {Place | null} */
export function here() {
  const parts = location.hash.split("/").slice(1);
  try {
    const [flow, view = "graph", what, id] = parts.map(decodeURIComponent);
    return flow ? { flow, view, what, id } : null;
  } catch {
    return null;
  }
}

/** @param {Place} place */
export function address({ flow, view, what, id }) {
  return `#/${[flow, view, what, id].filter((each) => each !== undefined).map((each) => encodeURIComponent(String(each))).join("/")}`;
}

/** @param {Place} place */
export function go(place) {
  location.hash = address(place);
}
