// The token: taken from the address bar or typed once, kept for this tab, sent as a header and nowhere else.

const NAME = "router.token";

/** Take the token out of `#token=...`, and the address bar, and the history. */
export function takeToken() {
  const found = /^#token=([^&]+)$/.exec(location.hash);
  if (!found) return;
  keepToken(decodeURIComponent(found[1]));
  history.replaceState(null, "", location.pathname);
}

/** @returns {string} */
export function token() {
  return sessionStorage.getItem(NAME) ?? "";
}

/** @param {string} value */
export function keepToken(value) {
  sessionStorage.setItem(NAME, value);
}

export function forgetToken() {
  sessionStorage.removeItem(NAME);
}
