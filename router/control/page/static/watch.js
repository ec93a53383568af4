// Asks for the flow twice a second while somebody looks, and says when it does not answer.

import { ApiError, get, of } from "/page/api.js";

const EVERY = 500;
const LOST = 1500;

/**
 * @typedef {"live" | "lost" | "ended" | "refused"} Contact
 * @typedef {(flow: any, contact: Contact) => void} Listener
 */

/** Keeps the newest state of one flow. */
export class Watch {
  /** @param {string} name @param {Listener} listener */
  constructor(name, listener) {
    this.name = name;
    /** @type {any} */
    this.flow = null;
    /** @type {Contact} */
    this.contact = "live";
    this.listener = listener;
    this.isOver = false;
    this.asking = false;
    this.timer = 0;
    this.onVisible = () => !document.hidden && this.soon();
    document.addEventListener("visibilitychange", this.onVisible);
    this.look();
  }

  /** Ask now: something was changed, or somebody looks again. */
  soon() {
    clearTimeout(this.timer);
    if (!this.asking) this.look();
  }

  close() {
    this.isOver = true;
    clearTimeout(this.timer);
    document.removeEventListener("visibilitychange", this.onVisible);
  }

  async look() {
    this.asking = true;
    const began = performance.now();
    try {
      this.flow = await get(of(this.name));
      this.contact = "live";
    } catch (error) {
      this.contact = contactOf(error);
    }
    this.asking = false;
    if (this.isOver) return;
    this.listener(this.flow, this.contact);
    if (document.hidden || this.contact === "refused") return;
    // An answer that took long was dear to the flow, or the way is slow: ask less often.
    const pause = this.contact === "live" ? Math.max(EVERY, 4 * (performance.now() - began)) : LOST;
    this.timer = setTimeout(() => this.look(), pause);
  }
}

/** @param {unknown} error @returns {Contact} */
function contactOf(error) {
  if (!(error instanceof ApiError)) return "lost";
  if (error.status === 401) return "refused";
  return error.status === 404 || error.status === 503 ? "ended" : "lost";
}
