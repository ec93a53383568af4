"""Log lines for people and for programs."""

from __future__ import annotations

import json
import logging
import re

from router.cli.logs import JsonLines, Lines
from router.engine import Bulletin

BULLETIN = Bulletin(0.0, "score", "calls take long", {"milliseconds": 80})


def record(message: str, *arguments: object, **extra: object) -> logging.LogRecord:
    return logging.getLogger("router").makeRecord(
        "router", logging.WARNING, "", 0, message, arguments, None, extra=extra
    )


def test_a_line_has_the_time_the_level_and_the_text() -> None:
    line = Lines().format(record("%s", BULLETIN))
    assert re.fullmatch(r"\d\d:\d\d:\d\d WARNING score: calls take long \(milliseconds=80\)", line)


def test_what_is_long_in_a_bulletin_is_cut_in_a_line_and_whole_in_json() -> None:
    long = record("%s", Bulletin(0.0, "score", "loaded", {"lists": "x" * 1000}))
    assert Lines().format(long).endswith("score: loaded (lists=" + "x" * 197 + "...)")
    assert json.loads(JsonLines().format(long))["data"] == {"lists": "x" * 1000}


def test_a_line_cannot_steer_the_terminal() -> None:
    assert Lines().format(record("a\x1b[2J\nb")).endswith("WARNING a\\x1b[2J\\nb")


def test_a_bulletin_as_json_keeps_its_text_constant_and_its_data_beside_it() -> None:
    line = json.loads(JsonLines().format(record("%s", BULLETIN, flow="posts", processor="score")))
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "warning",
        "logger": "router",
        "flow": "posts",
        "processor": "score",
        "text": "calls take long",
        "data": {"milliseconds": 80},
    }


def test_other_records_are_json_too_with_their_traceback() -> None:
    error = ValueError("seven")
    made = record("broke at %s", 7)
    made.exc_info = (ValueError, error, None)
    line = json.loads(JsonLines().format(made))
    assert (line["text"], "ValueError: seven" in line["traceback"]) == ("broke at 7", True)
