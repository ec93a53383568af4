"""Drawings of flows: branches, meetings, cycles."""

from __future__ import annotations

from router.authoring import Processor, Source
from router.cli.drawing import boxes, mermaid
from router.config import Config
from router.flow import ConnectionSpec, Ending, Flow, ProcessorSpec


class Read(Source):
    """Stands for any source."""

    type_name = "read"


class Work(Processor):
    """Stands for any processor."""

    type_name = "work"


def graph(**processors: dict[str, list[str]]) -> Flow:
    """A flow of processors, each with its relationships and their targets; what nothing leads to is a source."""
    reached = {target for ways in processors.values() for targets in ways.values() for target in targets}
    endings = {each.value: each for each in Ending}
    specs = {}
    for name, ways in processors.items():
        routes = {
            word: tuple(
                endings.get(each) or ConnectionSpec(f"{name}.{word}>{each}", name, word, each) for each in targets
            )
            for word, targets in ways.items()
        }
        specs[name] = ProcessorSpec(name, Work if name in reached else Read, Config(), (), routes)
    return Flow("drawn", specs)


def drawn(text: str) -> str:
    return "\n".join(line[8:] for line in text.strip("\n").splitlines()).rstrip()


def test_branches_are_named_by_their_relationships_and_a_common_target_has_one_arrow() -> None:
    flow = graph(read={"success": ["part"]}, part={"a": ["x"], "b": ["y"], "c": ["y"]}, x={}, y={})
    assert boxes(flow) == drawn(
        """
        ┌──────┐
        │ read │
        └─┬────┘
          │
        ┌─▼──────────┐
        │ part  work │
        └─┬──────────┘
          │       ┌─────────┐
          ├─ a ─▶ │ x  work │
          │       └─────────┘
          │          ┌─────────┐
          └─ b, c ─▶ │ y  work │
                     └─────────┘
        """
    )


def test_what_stands_elsewhere_and_what_ends_has_no_second_box() -> None:
    flow = graph(one={"success": ["x"]}, two={"success": ["x"], "failure": ["drop"]}, x={"again": ["x"]})
    assert boxes(flow) == drawn(
        """
        ┌───────────┐
        │ one  read │
        └─┬─────────┘
          │
        ┌─▼───────┐
        │ x  work │
        └─┬───────┘
          │
          └─ again ─▶ [x]

        ┌───────────┐
        │ two  read │
        └─┬─────────┘
          │
          ├─▶ [x]
          │
          └─ failure ─▶ drop
        """
    )


def test_what_hangs_below_a_branch_keeps_its_line() -> None:
    flow = graph(read={"a": ["x"], "b": ["y"]}, x={"success": ["z"]}, y={}, z={})
    assert boxes(flow) == drawn(
        """
        ┌──────┐
        │ read │
        └─┬────┘
          │       ┌─────────┐
          ├─ a ─▶ │ x  work │
          │       └─┬───────┘
          │         │
          │       ┌─▼───────┐
          │       │ z  work │
          │       └─────────┘
          │       ┌─────────┐
          └─ b ─▶ │ y  work │
                  └─────────┘
        """
    )


def test_every_processor_of_a_cycle_is_drawn_once() -> None:
    flow = graph(read={"success": ["a"]}, a={"success": ["b"]}, b={"again": ["a"], "done": ["c"]}, c={})
    text = boxes(flow)
    assert [text.count(f"│ {name}  work │") for name in "abc"] == [1, 1, 1]
    assert "again ─▶ [a]" in text


def test_a_processor_that_is_called_like_a_word_of_mermaid_is_drawn() -> None:
    flow = graph(read={"success": ["end"]}, end={})
    assert mermaid(flow).splitlines()[1:] == [
        '    read["read<br/>read"]',
        '    END["end<br/>work"]',
        "    read --> END",
    ]
