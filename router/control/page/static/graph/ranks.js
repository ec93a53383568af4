// In which layer each processor stands: behind all that feed it, loops aside.

/**
 * @typedef {{id: string, producer: string, consumer: string}} Edge
 */

/**
 * The edges that close loops: without them, everything leads forward.
 * @param {string[]} names
 * @param {Edge[]} edges
 * @returns {Set<string>}
 */
export function closing(names, edges) {
  const out = outgoing(names, edges);
  const state = new Map();
  const found = new Set();
  const entered = new Set(edges.map((each) => each.consumer));
  const starts = [...names.filter((each) => !entered.has(each)), ...names];
  for (const start of starts) {
    if (state.has(start)) continue;
    // Not by recursion: a chain of a thousand processors is deeper than some stacks.
    const path = [{ name: start, next: 0 }];
    state.set(start, "open");
    while (path.length) {
      const top = path[path.length - 1];
      const edge = out.get(top.name)[top.next++];
      if (!edge) {
        state.set(top.name, "done");
        path.pop();
      } else if (state.get(edge.consumer) === "open") found.add(edge.id);
      else if (!state.has(edge.consumer)) {
        state.set(edge.consumer, "open");
        path.push({ name: edge.consumer, next: 0 });
      }
    }
  }
  return found;
}

/**
 * The layer of each processor, by the longest way from a source.
 * @param {string[]} names
 * @param {Edge[]} edges that close no loop
 * @returns {Map<string, number>}
 */
export function ranks(names, edges) {
  const out = outgoing(names, edges);
  const open = new Map(names.map((each) => [each, 0]));
  for (const each of edges) open.set(each.consumer, open.get(each.consumer) + 1);
  const found = new Map(names.map((each) => [each, 0]));
  const ready = names.filter((each) => !open.get(each));
  while (ready.length) {
    const name = ready.shift();
    for (const { consumer } of out.get(name)) {
      found.set(consumer, Math.max(found.get(consumer), found.get(name) + 1));
      open.set(consumer, open.get(consumer) - 1);
      if (!open.get(consumer)) ready.push(consumer);
    }
  }
  return found;
}

function outgoing(names, edges) {
  const found = new Map(names.map((each) => [each, []]));
  for (const each of edges) found.get(each.producer).push(each);
  return found;
}
