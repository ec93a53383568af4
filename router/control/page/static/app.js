// What the parts of the page know of each other: words for type checkers and people, no code.

/**
 * The page around a view.
 * @typedef {object} App
 * @property {import("./routes.js").Place} place where the person is
 * @property {any} flow the newest state of the flow, as the API gives it; null until it has answered
 * @property {() => void} soon ask for the flow now: something was changed
 * @property {(...parts: (string | number)[]) => string} path of what belongs to the flow, in the API
 * @property {(id: string) => any} connection the newest state of a connection; undefined if there is none
 * @property {(name: string) => any} processor the newest state of a processor
 */

/**
 * One view, made for a place and closed when the person goes elsewhere.
 * @typedef {object} View
 * @property {HTMLElement} node
 * @property {(flow: any) => void} [update] called with each newer state of the flow
 * @property {() => void} [placed] called when something else is chosen beside it
 * @property {() => void} [focus] called when what was beside it is closed
 * @property {() => void} [close]
 * @property {import("./keys.js").Key[]} [keys]
 */

export {};
