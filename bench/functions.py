"""The functions of the workloads, as an author would write them."""

import re
from typing import Any

from router import To, processor

_WORD = re.compile(r"[a-z0-9_]+")


@processor
def by_language(record: dict[str, Any]) -> dict[str, Any] | To:
    """Tell English posts from the others."""
    return To("english", record) if record["lang"] == "en" else record


@processor
def measure(record: dict[str, Any]) -> dict[str, Any]:
    """Add the length of the text and write the user in capitals."""
    record["len"] = len(record["text"])
    record["user"] = record["user"].upper()
    return record


@processor
def count_words(record: dict[str, Any]) -> dict[str, Any]:
    """Add the number of words."""
    record["ntok"] = len(_WORD.findall(record["text"]))
    return record
