// Asks for the token.

import { ApiError, get } from "/page/api.js";
import { h, text } from "/page/dom.js";
import { forgetToken, keepToken } from "/page/session.js";

/** @param {{then: () => void, said?: string}} how */
export function loginView({ then, said = "" }) {
  const input = h("input", { id: "token", type: "password", autocomplete: "current-password", required: true, "aria-describedby": "token-said", autofocus: true });
  const wrong = h("p", { id: "token-said", class: "wrong", role: "alert" }, said);
  const form = h(
    "form", { class: "login", onsubmit: open },
    h("h1", {}, "router"), h("p", {}, "Whoever watches and steers these flows shows a token. ", h("code", {}, "router run --listen"), " printed it when it began, in a link that opens this page at once."),
    h("label", { for: "token" }, "Token"), input, wrong, h("button", { type: "submit", class: "main" }, "Open"),
  );

  async function open(event) {
    event.preventDefault();
    keepToken(input.value.trim());
    try {
      await get("/api/flows");
      then();
    } catch (error) {
      forgetToken();
      const isWrong = error instanceof ApiError && error.status === 401;
      text(wrong, isWrong ? "This is not the token." : error.message);
      input.setAttribute("aria-invalid", "true");
      input.select();
    }
  }

  return { node: h("main", { class: "door" }, form), focus: () => input.focus() };
}
