"""What is shown of settings: as a flow file has them, and no secret."""

from __future__ import annotations

from typing import Any

import pytest

from router import build_flow
from router.showing import shown_settings


def shown(**settings: Any) -> dict[str, Any]:
    processors = {"one": {"to": "drop", **settings}}
    if settings["type"] != "read_file":
        processors["first"] = {"type": "generate", "to": "one"}
    flow = build_flow({"flow": "f", "processors": processors})
    return shown_settings(flow.processors["one"].config)


@pytest.mark.parametrize(
    ("settings", "name", "said"),
    [
        ({"type": "read_file", "path": "data/*.jsonl"}, "path", "data/*.jsonl"),
        ({"type": "read_file", "path": "a.csv", "poll": "200ms"}, "poll", "200ms"),
        ({"type": "filter", "where": "n > 1"}, "where", "n > 1"),
        ({"type": "write_sql", "url": "mysql://me:word@host/x", "table": "t"}, "url", "mysql://me@host/x"),
    ],
)
def test_a_setting_is_shown_as_a_flow_file_has_it(settings: dict[str, Any], name: str, said: str) -> None:
    assert shown(**settings)[name] == said
