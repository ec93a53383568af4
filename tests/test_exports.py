"""The public surface is what the documentation says it is."""

from __future__ import annotations

import re
from pathlib import Path

import router

API_PAGE = Path(__file__).resolve().parents[1] / "docs" / "api.md"


def documented() -> set[str]:
    """Every name that has a heading of its own, such as ``### `Engine(flow, ...)` ``."""
    return set(re.findall(r"^#{2,4} `(?:@|router\.)?(\w+)", API_PAGE.read_text(), re.MULTILINE))


def place(name: str) -> tuple[int, str]:
    """Constants, then classes, then functions, each by name."""
    return (0 if name.isupper() else 1 if name[0].isupper() else 2, name)


def test_all_is_sorted_and_has_no_name_twice() -> None:
    assert list(router.__all__) == sorted(set(router.__all__), key=place)


def test_every_public_name_exists() -> None:
    assert [name for name in router.__all__ if not hasattr(router, name)] == []


def test_every_public_name_has_its_heading() -> None:
    assert sorted(set(router.__all__) - documented()) == []


def test_every_public_name_has_a_docstring() -> None:
    named = {name: getattr(router, name) for name in router.__all__}
    silent = [name for name, value in named.items() if callable(value) and not (value.__doc__ or "").strip()]
    assert silent == []
