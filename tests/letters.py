"""Look into the dead letters of a data folder."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from router.storage import letter_box
from router.storage.sayable import as_json

__all__ = ["letters_in", "records_in"]


def letters_in(folder: Path) -> list[dict[str, Any]]:
    """All of them as they are exported, oldest first."""
    return [json.loads(as_json(letter.to_dict())) for letter in letter_box.letters_in(folder)]


def records_in(folder: Path) -> list[Any]:
    """Their records."""
    return [letter["record"] for letter in letters_in(folder)]
