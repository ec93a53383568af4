// Where boxes and connections stand: layers, few crossings, nothing over anything else. No element is made here.

import { closing, ranks } from "/page/graph/ranks.js";

const SWEEPS = 12;
const STRAIGHT = 8; // how much more a bend insists on its place than a box

/**
 * What stands in a layer: a processor, the plate of a connection, or the bend of one that passes by.
 * @typedef {object} Item
 * @property {string} id
 * @property {"processor" | "plate" | "bend"} kind
 * @property {number} layer
 * @property {number} along where it begins in the direction of the flow
 * @property {number} across its middle, across the flow
 * @property {Item[]} before
 * @property {Item[]} after
 */

/**
 * @typedef {object} Sizes lengths along the flow and across it
 * @property {{along: number, across: number}} processor
 * @property {{along: number, across: number}} plate
 * @property {number} gap between layers
 * @property {number} space between neighbours
 */

/**
 * @param {string[]} names of the processors
 * @param {import("./ranks.js").Edge[]} edges
 * @param {Sizes} sizes
 * @returns {{items: Map<string, Item>, ways: Map<string, {items: Item[], isBack: boolean}>, along: number, across: number}}
 */
export function layout(names, edges, sizes) {
  const back = closing(names, edges);
  const forward = edges.filter((each) => !back.has(each.id));
  const rank = ranks(names, forward);
  const { items, ways, layers } = placed(names, edges, back, rank);
  ordered(layers);
  const across = spread(layers, sizes);
  return { items, ways, along: stacked(layers, sizes), across };
}

/** Put processors in even layers and plates in odd ones, so that each connection has a place of its own. */
function placed(names, edges, back, rank) {
  /** @type {Map<string, Item>} */
  const items = new Map();
  const ways = new Map();
  /** @type {Item[][]} */
  const layers = [];
  const add = (id, kind, layer) => {
    const item = { id, kind, layer, along: 0, across: 0, before: [], after: [] };
    while (layers.length <= layer) layers.push([]);
    layers[layer].push(item);
    items.set(id, item);
    return item;
  };
  for (const name of names) add(name, "processor", 2 * rank.get(name));
  for (const edge of edges) {
    const isBack = back.has(edge.id);
    const [first, last] = isBack ? [edge.consumer, edge.producer] : [edge.producer, edge.consumer];
    const way = [items.get(first)];
    const end = Math.max(2 * rank.get(last), 2 * rank.get(first) + 2);
    for (let layer = 2 * rank.get(first) + 1; layer < end; layer++) {
      const kind = layer === 2 * rank.get(first) + 1 ? "plate" : "bend";
      way.push(add(kind === "plate" ? `connection ${edge.id}` : `${layer} ${edge.id}`, kind, layer));
    }
    way.push(items.get(last));
    for (let place = 1; place < way.length; place++) linked(way[place - 1], way[place]);
    ways.set(edge.id, { items: isBack ? way.reverse() : way, isBack });
  }
  return { items, ways, layers };
}

function linked(from, to) {
  if (from.layer >= to.layer) return; // a loop over one processor
  from.after.push(to);
  to.before.push(from);
}

/** Sweep forth and back, each layer by the mean place of its neighbours; keep the order with the fewest crossings. */
function ordered(layers) {
  const place = new Map();
  const number = () => layers.forEach((layer) => layer.forEach((each, index) => place.set(each, index)));
  number();
  let best = layers.map((layer) => [...layer]);
  let fewest = crossings(layers, place);
  for (let sweep = 0; sweep < SWEEPS && fewest; sweep++) {
    const isForth = sweep % 2 === 0;
    for (const layer of isForth ? layers : [...layers].reverse()) {
      const wish = new Map(layer.map((each) => [each, mean(isForth ? each.before : each.after, place, place.get(each))]));
      layer.sort((one, other) => wish.get(one) - wish.get(other));
      layer.forEach((each, index) => place.set(each, index));
    }
    const now = crossings(layers, place);
    if (now < fewest) [fewest, best] = [now, layers.map((layer) => [...layer])];
  }
  best.forEach((layer, index) => (layers[index] = layer));
}

function mean(items, place, otherwise) {
  return items.length ? items.reduce((sum, each) => sum + place.get(each), 0) / items.length : otherwise;
}

function crossings(layers, place) {
  let found = 0;
  for (const layer of layers) {
    const ends = layer.flatMap((each) => each.after.map((to) => place.get(to)).sort((one, other) => one - other));
    found += inversions(ends);
  }
  return found;
}

/** Pairs that stand the wrong way round, by merging. */
function inversions(values) {
  if (values.length < 2) return 0;
  const middle = values.length >> 1;
  const [left, right] = [values.slice(0, middle), values.slice(middle)];
  let found = inversions(left) + inversions(right);
  left.sort((one, other) => one - other);
  right.sort((one, other) => one - other);
  let passed = 0;
  for (const each of left) {
    while (passed < right.length && right[passed] < each) passed += 1;
    found += passed;
  }
  return found;
}

/** Give each item its place across the flow: near its neighbours, in order, apart. The length across comes back. */
function spread(layers, sizes) {
  const place = new Map();
  for (const layer of layers) set(layer, place, layer.map(() => 0), sizes);
  for (let sweep = 0; sweep < SWEEPS; sweep++) {
    const isLast = sweep >= SWEEPS - 2;
    const isForth = isLast || sweep % 2 === 0;
    for (const layer of isForth ? layers : [...layers].reverse()) {
      const wishes = layer.map((each) => {
        // In the end what passes by goes straight on, and the rest stands between its neighbours.
        const near = isLast && each.kind !== "bend" ? [...each.before, ...each.after] : isForth ? each.before : each.after;
        return mean(near, place, place.get(each));
      });
      set(layer, place, wishes, sizes);
    }
  }
  let [low, high] = [Infinity, -Infinity];
  for (const [item, at] of place) {
    low = Math.min(low, at - width(item, sizes) / 2);
    high = Math.max(high, at + width(item, sizes) / 2);
  }
  for (const [item, at] of place) item.across = at - low;
  return place.size ? high - low : 0;
}

/** The places nearest to what is wished for, in order and apart: neighbours that push each other move together. */
function set(layer, place, wishes, sizes) {
  const offsets = [];
  layer.reduce((sum, each, index) => {
    const apart = index ? sum + (width(layer[index - 1], sizes) + width(each, sizes)) / 2 + sizes.space : 0;
    offsets.push(apart);
    return apart;
  }, 0);
  const groups = [];
  wishes.forEach((wish, index) => {
    const weight = layer[index].kind === "bend" ? STRAIGHT : 1;
    let group = { sum: weight * (wish - offsets[index]), weight, count: 1 };
    while (groups.length && groups[groups.length - 1].sum / groups[groups.length - 1].weight >= group.sum / group.weight) {
      const other = groups.pop();
      group = { sum: group.sum + other.sum, weight: group.weight + other.weight, count: group.count + other.count };
    }
    groups.push(group);
  });
  let index = 0;
  for (const { sum, weight, count } of groups) {
    for (let each = 0; each < count; each++, index++) place.set(layer[index], sum / weight + offsets[index]);
  }
}

function width(item, sizes) {
  return item.kind === "bend" ? sizes.space : sizes[item.kind].across;
}

/** Give each layer its place along the flow. The length along comes back. */
function stacked(layers, sizes) {
  let at = 0;
  layers.forEach((layer, index) => {
    const length = index % 2 ? sizes.plate.along : sizes.processor.along;
    for (const each of layer) each.along = at;
    at += length + sizes.gap;
  });
  return Math.max(0, at - sizes.gap);
}
