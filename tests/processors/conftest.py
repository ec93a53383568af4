"""What tests of processors share: the problems that the loader would show for settings."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from router import load_registry

Problems = Callable[..., list[str]]


@pytest.fixture(scope="session")
def problems() -> Problems:
    """``problems("route", when={})`` lists what is wrong with settings, alone or together."""
    registry = load_registry()

    def find(kind: str, **settings: Any) -> list[str]:
        processor = registry.processors[kind]
        try:
            config = processor.config_class().model_validate(settings, context={"registry": registry, "folder": None})
        except ValidationError as error:
            return [f"{'.'.join(map(str, each['loc']))}: {each['msg']}" for each in error.errors()]
        return list(processor.check(config))

    return find
