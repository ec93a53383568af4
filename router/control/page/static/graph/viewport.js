// Moves and zooms a drawing: wheel, fingers, mouse, keys.

const [SMALLEST, LARGEST] = [0.1, 2.5];
const READABLE = 0.55;

/** What part of a drawing is seen. */
export class Viewport {
  /** @param {SVGSVGElement} root @param {SVGGElement} scene */
  constructor(root, scene) {
    this.root = root;
    this.scene = scene;
    [this.x, this.y, this.scale] = [0, 0, 1];
    this.isMoved = false;
    /** @type {Map<number, {x: number, y: number}>} */
    this.fingers = new Map();
    this.dragged = 0;
    root.addEventListener("wheel", (event) => this.onWheel(event), { passive: false });
    root.addEventListener("pointerdown", (event) => this.onDown(event));
    root.addEventListener("pointermove", (event) => this.onMove(event));
    for (const name of ["pointerup", "pointercancel"]) root.addEventListener(name, (event) => this.onUp(event));
    // A drag that ends over a box does not open it.
    root.addEventListener("click", (event) => this.dragged > 4 && event.stopPropagation(), true);
  }

  /**
   * Show all of it; or, where that would be too small to read, where it begins.
   * @param {{width: number, height: number, start: {x: number, y: number, width: number, height: number}}} drawing
   */
  fit({ width, height, start }) {
    const { width: w, height: h } = this.root.getBoundingClientRect();
    const margin = 20;
    const whole = Math.min(1.15, (w - 2 * margin) / width, (h - 2 * margin) / height);
    this.scale = Math.max(whole, Math.min(READABLE, LARGEST));
    this.x = begin(start.x + start.width / 2, width, w, this.scale, margin);
    this.y = begin(start.y + start.height / 2, height, h, this.scale, margin);
    this.isMoved = false;
    this.show();
  }

  /** @param {number} factor @param {number} [x] @param {number} [y] what stays where it is */
  zoom(factor, x, y) {
    const box = this.root.getBoundingClientRect();
    const [atX, atY] = [x ?? box.width / 2, y ?? box.height / 2];
    const next = Math.min(LARGEST, Math.max(SMALLEST, this.scale * factor));
    this.x = atX - ((atX - this.x) * next) / this.scale;
    this.y = atY - ((atY - this.y) * next) / this.scale;
    this.scale = next;
    this.isMoved = true;
    this.show();
  }

  /** Bring a place of the drawing into sight. @param {{x: number, y: number, width: number, height: number}} place */
  reveal({ x, y, width, height }) {
    const box = this.root.getBoundingClientRect();
    const margin = 24;
    const into = (at, length, room) =>
      at < margin ? margin - at : at + length > room - margin ? Math.min(room - margin - at - length, 0) : 0;
    this.x += into(x * this.scale + this.x, width * this.scale, box.width);
    this.y += into(y * this.scale + this.y, height * this.scale, box.height);
    this.show();
  }

  show() {
    this.scene.setAttribute("transform", `translate(${this.x.toFixed(1)} ${this.y.toFixed(1)}) scale(${this.scale.toFixed(4)})`);
  }

  onWheel(event) {
    event.preventDefault();
    const box = this.root.getBoundingClientRect();
    const step = event.deltaMode === 1 ? 24 : 1;
    this.zoom(Math.exp((-event.deltaY * step) / 500), event.clientX - box.left, event.clientY - box.top);
  }

  onDown(event) {
    if (event.button > 0) return;
    this.fingers.set(event.pointerId, { x: event.clientX, y: event.clientY });
    if (this.fingers.size === 1) this.dragged = 0;
  }

  onMove(event) {
    const before = this.fingers.get(event.pointerId);
    if (!before) return;
    const now = { x: event.clientX, y: event.clientY };
    const other = [...this.fingers].find(([id]) => id !== event.pointerId)?.[1];
    this.dragged += Math.abs(now.x - before.x) + Math.abs(now.y - before.y);
    if (this.dragged <= 4) return;
    this.root.setPointerCapture(event.pointerId);
    if (other) this.pinch(before, now, other);
    else {
      this.x += now.x - before.x;
      this.y += now.y - before.y;
      this.isMoved = true;
      this.show();
    }
    this.fingers.set(event.pointerId, now);
  }

  onUp(event) {
    this.fingers.delete(event.pointerId);
  }

  pinch(before, now, other) {
    const box = this.root.getBoundingClientRect();
    const apart = (one) => Math.hypot(one.x - other.x, one.y - other.y) || 1;
    this.zoom(apart(now) / apart(before), (now.x + other.x) / 2 - box.left, (now.y + other.y) / 2 - box.top);
  }
}

/** Where a drawing begins in one direction: in the middle, or so that a place of it is as near to the middle as can be. */
function begin(place, length, room, scale, margin) {
  if (length * scale <= room) return (room - length * scale) / 2;
  return Math.min(margin, Math.max(room - margin - length * scale, room / 2 - place * scale));
}
