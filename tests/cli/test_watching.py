"""A running flow as lines: figures stay whole however narrow the terminal is."""

from __future__ import annotations

import pytest

from router.cli.terminal import painted
from router.cli.watching import lines
from router.control.messages import FlowView
from tests.ui.made import connection, flow, processor

EDGE = "collect_all_of_them.success>score_with_the_model"


@pytest.fixture
def view() -> FlowView:
    """A flow with long names and large counts."""
    source = processor("collect_all_of_them", "generate", is_source=True, records_out=123_456_789, rate_out=4321.0)
    work = processor(
        "score_with_the_model", "run_model", records_in=123_450_000, records_out=98_765_432, rate_in=4320.0
    )
    return flow("tweets", processors=[source, work], connections=[connection(EDGE, records=6_789)])


def shown(view: FlowView, columns: int) -> list[str]:
    return [painted(line, colour=False, width=columns) for line in lines(view, columns)]


@pytest.mark.parametrize("columns", [59, 70, 79, 99])
def test_names_give_way_to_figures(view: FlowView, columns: int) -> None:
    text = shown(view, columns)
    assert [len(line) <= columns for line in text] == [True] * len(text)
    assert all(any(figure in line for line in text) for figure in ("123,456,789", "98,765,432", "4,320", "6,789"))
    assert any(line.startswith("  score") for line in text)


def test_what_is_wide_enough_is_shown_whole(view: FlowView) -> None:
    wide, unbounded = shown(view, 200), [painted(line, colour=False) for line in lines(view)]
    assert (wide, "busy" in wide[1], EDGE[:37] in wide[-1]) == (unbounded, True, True)
