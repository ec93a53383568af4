"""What `router processors` says comes from the classes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

import pytest

from router.authoring import Processor
from router.cli.reference import Setting, in_words, reference
from router.cli.reference_pages import markdown
from router.config import Config, Field, FilePath, Rate, Size
from router.expression import Expression, Template
from router.relationship import FAILURE, Relationship


class Limit(Config):
    """Settings inside settings."""

    records: int = 10


class SampleConfig(Config):
    """One of each kind."""

    where: Expression = Field(description="Which ``records``.", examples=["a > 1"])
    window: timedelta = Field(timedelta(minutes=1), gt=timedelta(0), description="How long.")
    most: Size = Field(8 << 20, description="How much | at most.")
    limit: Limit | None = Field(None, description="Not above.")


class Sample(Processor):
    """Keep some of the records.

    What is kept is kept ``in order``.

    Example:
        some: {type: sample_it, where: "a > 1", to: next}
    """

    type_name = "sample_it"
    config: SampleConfig
    relationships = (Relationship("kept", "What is kept."), FAILURE)

    def process(self, batch: Any, context: Any) -> Any:
        return batch


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (bool, "true or false"),
        (str | None, "text or null"),
        (FilePath, "path"),
        (Size, "size"),
        (Rate | None, "rate or null"),
        (timedelta, "duration"),
        (Literal["once", "follow", "watch"], "`once`, `follow` or `watch`"),
        (dict[str, Expression], "mapping of names to expressions"),
        (Mapping[str, Any], "mapping of names to values"),
        (list[Template], "list of templates"),
        (bool | Expression, "true or false or expression"),
        (Limit, "mapping of settings (records)"),
    ],
)
def test_types_are_said_in_words(kind: Any, words: str) -> None:
    assert in_words(kind) == words


def test_a_setting_has_its_type_bounds_default_and_examples() -> None:
    assert reference(Sample).settings == (
        Setting("where", "expression", True, None, "Which `records`.", ("a > 1",)),
        Setting("window", "duration, above 0", False, "1m", "How long.", ()),
        Setting("most", "size", False, "8MiB", "How much | at most.", ()),
        Setting("limit", "mapping of settings (records)", False, None, "Not above.", ()),
    )


def test_a_page_is_made_of_the_docstring_the_settings_and_the_relationships() -> None:
    assert markdown([reference(Sample)]).splitlines() == [
        "## `sample_it`",
        "",
        "Keep some of the records.",
        "",
        "What is kept is kept `in order`.",
        "",
        "```yaml",
        'some: {type: sample_it, where: "a > 1", to: next}',
        "```",
        "",
        "| setting | takes | default | what it means |",
        "|---|---|---|---|",
        "| `where` | expression | required | Which `records`. Such as `a > 1`. |",
        "| `window` | duration, above 0 | `1m` | How long. |",
        "| `most` | size | `8MiB` | How much \\| at most. |",
        "| `limit` | mapping of settings (records) |  | Not above. |",
        "",
        "| relationship | what leaves by it |  |",
        "|---|---|---|",
        "| `kept` | What is kept. | must be connected |",
        f"| `failure` | {FAILURE.description} | dead letters if not connected |",
    ]


def test_the_list_has_every_type_with_its_line(router: Any) -> None:
    done = router("processors", "--plugin", "plugins/stock.py")
    kinds = {line.split()[0]: line.split(None, 1)[1] for line in done.stdout.splitlines() if line.startswith("  ")}
    assert (done.returncode, done.stderr) == (0, "")
    assert {"route", "filter", "generate", "count_up", "keep"} <= set(kinds)
    assert kinds["count_up"] == "Give numbers, without end if no count is given."


def test_json_has_the_same_for_programs(router: Any) -> None:
    one = json.loads(router("processors", "keep", "--plugin", "plugins/stock.py", "--json").stdout)
    assert (one["type"], one["kind"], [each["name"] for each in one["settings"]]) == ("keep", "sink", ["file"])
    assert one in json.loads(router("processors", "--plugin", "plugins/stock.py", "--json").stdout)


def test_a_page_of_one_shows_settings_relationships_and_an_example(router: Any) -> None:
    text = router("processors", "route").stdout
    assert text.startswith("route  processor\n")
    assert [
        word for word in ("Settings", "  when  ", "Relationships", "  unmatched  ", "Example") if word not in text
    ] == []


def test_an_unknown_type_is_exit_code_2_and_names_the_nearest(router: Any) -> None:
    done = router("processors", "rout")
    assert (done.returncode, done.stdout, done.stderr) == (2, "", "no processor type 'rout' (did you mean 'route'?)\n")


def test_a_broken_plugin_is_told_of_and_the_others_are_shown(router: Any, folder: Any) -> None:
    (folder / "broken.py").write_text("from router import recordd\n")
    done = router("processors", "--plugin", "broken.py", "--plugin", "plugins/stock.py")
    assert ("broken.py:1" in done.stderr, "count_up" in done.stdout) == (True, True)
