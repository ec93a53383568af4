"""Sparklines, plots and bars."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router_ui.figures import percent, rate, short, size, span
from router_ui.plots import bar, plot, sparkline

VALUES = st.lists(st.floats(0, 1e12), max_size=50)


def test_a_sparkline_shows_the_newest_values_at_the_right() -> None:
    assert sparkline([9.0, 0.0, 4.0, 8.0], 3) == "▁▄█"
    assert sparkline([8.0], 4) == "   █"


def test_a_sparkline_of_nothing_is_flat() -> None:
    assert sparkline([0.0, 0.0], 3) == " ▁▁"


def test_a_scale_may_go_beyond_the_highest_value() -> None:
    assert sparkline([1.0, 2.0], 2, most=8.0) == "▁▂"


def test_a_plot_has_rows() -> None:
    assert plot([1.0, 2.0, 4.0], 3, 2) == ["  █", "▄██"]


@given(VALUES, st.integers(0, 60), st.integers(1, 6))
def test_a_plot_has_its_size(values: list[float], width: int, height: int) -> None:
    assert [len(row) for row in plot(values, width, height)] == [width] * height


@pytest.mark.parametrize(
    ("share", "drawn"), [(0.0, "░░░░"), (0.001, "▏░░░"), (0.5, "██░░"), (0.999, "███▉"), (1.0, "████"), (3.0, "████")]
)
def test_a_bar_tells_empty_and_full_from_nearly(share: float, drawn: str) -> None:
    assert bar(share, 4) == drawn


@given(st.floats(0, 1e15))
def test_figures_take_few_cells(number: float) -> None:
    assert len(short(number)) <= 5
    assert len(rate(number)) <= 7


@pytest.mark.parametrize(
    ("number", "text"), [(0, "0"), (999, "999"), (999.6, "1.0k"), (1234, "1.2k"), (48_000, "48k"), (3_400_000, "3.4M")]
)
def test_counts_are_short(number: float, text: str) -> None:
    assert short(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0"), (4e-5, "40 us"), (0.0031, "3.1 ms"), (0.21, "210 ms"), (1.8, "1.8 s"), (75, "75 s"), (724, "12:04")],
)
def test_times_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert span(seconds) == text


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (0.004, "<1%"), (0.6, "60%"), (0.999, "99%"), (1, "100%")])
def test_only_what_is_full_is_a_hundred_percent(share: float, text: str) -> None:
    assert percent(share) == text


@pytest.mark.parametrize(("nbytes", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (64_000_000, "64 MB")])
def test_sizes_have_the_unit_that_fits(nbytes: float, text: str) -> None:
    assert size(nbytes) == text
