// Asks the control API; the only module that does.

import { parse } from "/page/exact.js";
import { token } from "/page/session.js";

const PATIENCE = 30_000;

/** Why something was not done; `status` is 0 where nobody answered. */
export class ApiError extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message);
    this.status = status;
  }
}

/** @typedef {Record<string, string | number | null | undefined | (string | number)[]>} Query */

/**
 * Ask for something. With `exact`, numbers that JavaScript would round keep their digits.
 * @param {string} path
 * @param {Query} [query]
 * @param {{exact?: boolean}} [how]
 */
export async function get(path, query = {}, { exact = false } = {}) {
  const said = await (await ask("GET", path, query)).text();
  return exact ? parse(said) : JSON.parse(said);
}

/** Have something done. @param {string} method @param {string} path @param {{query?: Query, body?: any}} [what] */
export async function send(method, path, { query = {}, body } = {}) {
  return (await ask(method, path, query, body)).json();
}

/** A file. @param {string} path @param {Query} query */
export async function fetched(path, query) {
  return (await ask("GET", path, query)).blob();
}

/**
 * Events as they come, until the server ends them or `signal` does. EventSource could not show the token.
 * @param {string} path
 * @param {Query} query
 * @param {AbortSignal} signal
 * @returns {AsyncGenerator<{event: string, data: any}>}
 */
export async function* events(path, query, signal) {
  const response = await ask("GET", path, query, undefined, signal);
  const reader = /** @type {any} */ (response.body).pipeThrough(new TextDecoderStream()).getReader();
  for (let left = ""; ; ) {
    const { value, done } = await reader.read();
    if (done) return;
    const parts = (left + value).split("\n\n");
    left = parts.pop() ?? "";
    for (const each of parts) {
      const found = /^event: (\w+)\ndata: (.*)$/s.exec(each);
      if (found) yield { event: found[1], data: parse(found[2]) };
    }
  }
}

/** The path of what belongs to a flow. @param {string} flow @param {...(string | number)} parts */
export function of(flow, ...parts) {
  return ["/api/flows", flow, ...parts].map((each, place) => (place ? encodeURIComponent(each) : each)).join("/");
}

async function ask(method, path, query, body, signal) {
  const headers = { Authorization: `Bearer ${token()}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const url = path + written(query);
  let response;
  try {
    const data = body === undefined ? undefined : JSON.stringify(body);
    response = await fetch(url, { method, headers, body: data, signal: signal ?? AbortSignal.timeout(PATIENCE) });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, "the flow does not answer");
  }
  if (!response.ok) throw new ApiError(response.status, await reason(response));
  return response;
}

function written(query) {
  const found = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    for (const each of Array.isArray(value) ? value : [value]) {
      if (each !== null && each !== undefined && each !== "") found.append(name, String(each));
    }
  }
  return found.size ? `?${found}` : "";
}

async function reason(response) {
  try {
    return (await response.json()).error;
  } catch {
    return `the server answered ${response.status}`;
  }
}
