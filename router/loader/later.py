"""Words that belong to what a later version does: refused with that said, so that nobody takes them for a slip."""

from __future__ import annotations

from router.loader.document import Path

_TOP = {
    "include": "includes",
    "services": "services",
}
_RUN = {
    "schedule": "schedules",
}
_TYPES = {
    "flow": "groups",
    "input": "groups",
    "output": "groups",
}
_QUEUES = {
    "kafka": "Kafka queues",
}


def later(word: str, path: Path) -> str:
    """Say that a word at a path comes later; nothing where it does not."""
    if len(path) == 1:
        return _said(repr(word), _TOP.get(word))
    if path[0] == "run" and len(path) == 2:
        return _said(f"'run.{word}'", _RUN.get(word))
    return ""


def later_type(word: str) -> str:
    """Say that a processor type comes later."""
    return _said(f"type {word!r}", _TYPES.get(word))


def later_queue(word: str) -> str:
    """Say that a queue type comes later."""
    return _said(f"the queue {word!r}", _QUEUES.get(word))


def _said(word: str, what: str | None) -> str:
    return f"{word} comes later: this version has no {what}" if what else ""
