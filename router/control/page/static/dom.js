// Makes elements. Whatever comes from a flow becomes text or an attribute, never markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * @typedef {string | number | Node | null | undefined | false | any[]} Child
 * @typedef {Record<string, any>} Props
 */

/**
 * An HTML element. `on...` properties are listeners, `css` sets styles, booleans are there or not.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {any}
 */
export function h(tag, props = {}, ...children) {
  return filled(document.createElement(tag), props, children);
}

/**
 * An SVG element.
 * @param {string} tag
 * @param {Props} [props]
 * @param {...Child} children
 * @returns {any}
 */
export function svg(tag, props = {}, ...children) {
  return filled(document.createElementNS(SVG, tag), props, children);
}

function filled(node, props, children) {
  for (const [name, value] of Object.entries(props)) put(node, name, value);
  node.append(...children.flat(Infinity).filter((each) => each !== null && each !== undefined && each !== false).map(asNode));
  return node;
}

function asNode(child) {
  return child instanceof Node ? child : document.createTextNode(String(child));
}

function put(node, name, value) {
  if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
  else if (name === "css") for (const [key, each] of Object.entries(value)) node.style.setProperty(key, each);
  else if (name === "value") node.value = value;
  else attribute(node, name, value);
}

/**
 * Set an attribute where it differs; null and false take it away.
 * @param {Element} node
 * @param {string} name
 * @param {any} value
 */
export function attribute(node, name, value) {
  if (value === null || value === undefined || value === false) {
    if (node.hasAttribute(name)) node.removeAttribute(name);
    return;
  }
  const text = value === true ? "" : String(value);
  if (node.getAttribute(name) !== text) node.setAttribute(name, text);
}

/**
 * Set the text of an element where it differs: what stays is not painted again.
 * @param {Element} node
 * @param {any} value
 */
export function text(node, value) {
  const said = String(value);
  if (node.textContent !== said) node.textContent = said;
}

/**
 * Let a button not be pressed twice while it works.
 * @param {string} label
 * @param {() => any} work
 * @param {Props} [props]
 */
export function button(label, work, props = {}) {
  const made = h("button", { type: "button", ...props }, label);
  made.addEventListener("click", async () => {
    if (made.getAttribute("aria-busy") === "true") return;
    made.setAttribute("aria-busy", "true");
    try {
      await work();
    } finally {
      made.removeAttribute("aria-busy");
    }
  });
  return made;
}

/**
 * Save text as a file of the person who looks.
 * @param {string} name
 * @param {BlobPart[]} parts
 * @param {string} type
 */
export function download(name, parts, type) {
  const url = URL.createObjectURL(new Blob(parts, { type }));
  h("a", { href: url, download: name.replace(/[^\w.-]+/g, "_") }).click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}
