"""Keep secrets out of what is told: whoever tells something passes it through here."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from urllib.parse import quote

__all__ = ["HIDDEN", "HIDE", "Mask", "hidden"]

HIDDEN = "***"


class Mask:
    """Replaces secrets in texts, in the forms in which programs write a text down.

    Args:
        secrets: Each of a few characters at least: a short one would blot out parts of every text.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self.secrets: set[str] = set()
        self._forms: set[str] = set()
        self._text: re.Pattern[str] | None = None
        self._data: re.Pattern[bytes] | None = None
        self.add(secrets)

    def add(self, secrets: Iterable[str]) -> None:
        """Hide these too."""
        self.secrets |= set(secrets)
        self._forms = {form for secret in self.secrets for form in _forms(secret)}
        if self._forms:
            ordered = sorted(self._forms, key=len, reverse=True)  # of two that begin alike, the longer one is meant
            self._text = re.compile("|".join(map(re.escape, ordered)))
            self._data = re.compile(b"|".join(re.escape(form.encode()) for form in ordered))

    def __bool__(self) -> bool:
        return self._text is not None

    def __call__(self, text: str) -> str:
        """The text without secrets."""
        return text if self._text is None else self._text.sub(HIDDEN, text)

    def data(self, data: bytes) -> bytes:
        """JSON, or other text in UTF-8, without secrets."""
        return data if self._data is None else self._data.sub(HIDDEN.encode(), data)


HIDE: ContextVar[Callable[[str], str]] = ContextVar("router_hide", default=str)
"""Hides the secrets of the flow whose code runs."""


def hidden(text: str) -> str:
    """A text without the secrets of the flow whose code runs."""
    return HIDE.get()(text)


def _forms(secret: str) -> set[str]:
    """As it is, in a URL, in JSON, as Python shows it."""
    return {
        secret,
        quote(secret, safe=""),
        quote(secret),
        json.dumps(secret)[1:-1],
        json.dumps(secret, ensure_ascii=False)[1:-1],
        repr(secret)[1:-1],
    }
