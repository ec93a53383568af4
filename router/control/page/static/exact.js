// JSON, digit for digit: a number that JavaScript would round is shown, copied and saved as it came.

/** A number whose digits are kept. */
export class Exact {
  /** @param {string} source */
  constructor(source) {
    this.source = source;
  }
  valueOf() {
    return Number(this.source);
  }
  toString() {
    return this.source;
  }
}

/**
 * Read JSON. Browsers that do not tell how a number was written give it rounded, as all JavaScript does.
 * @param {string} said
 */
export function parse(said) {
  return JSON.parse(said, (_, value, context) =>
    typeof value === "number" && context?.source !== undefined && context.source !== String(value)
      ? new Exact(context.source)
      : value,
  );
}

/**
 * Write JSON on one line.
 * @param {any} value
 * @returns {string}
 */
export function stringify(value) {
  if (value instanceof Exact) return value.source;
  if (Array.isArray(value)) return `[${value.map(stringify).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value) ?? "null";
  return `{${Object.entries(value).map(([name, each]) => `${JSON.stringify(name)}:${stringify(each)}`).join(",")}}`;
}

/**
 * Write JSON on many lines.
 * @param {any} value
 * @param {string} [indent]
 * @returns {string}
 */
export function pretty(value, indent = "") {
  const inner = `${indent}  `;
  if (Array.isArray(value) && value.length) {
    return `[\n${value.map((each) => inner + pretty(each, inner)).join(",\n")}\n${indent}]`;
  }
  if (value !== null && typeof value === "object" && !(value instanceof Exact) && Object.keys(value).length) {
    const lines = Object.entries(value).map(([name, each]) => `${inner}${JSON.stringify(name)}: ${pretty(each, inner)}`);
    return `{\n${lines.join(",\n")}\n${indent}}`;
  }
  return stringify(value);
}
