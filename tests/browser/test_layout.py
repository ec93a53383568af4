"""The layout of the graph, tried in the browser on graphs of all shapes."""

from __future__ import annotations

import random
from itertools import pairwise
from typing import Any

import pytest
from playwright.sync_api import Page

from tests.browser.chromium import Complaints
from tests.browser.shown import Shown

pytestmark = [pytest.mark.needs("chromium"), pytest.mark.slow]

SIZES = {"processor": {"along": 200, "across": 74}, "plate": {"along": 136, "across": 46}, "gap": 30, "space": 20}
LAYOUT = """async ([graphs, sizes]) => {
  const { layout } = await import("/page/graph/layout.js");
  return graphs.map(({ names, edges }) => {
    const made = layout(names, edges, sizes);
    const shown = ({ id, kind, layer, along, across }) => ({ id, kind, layer, along, across });
    const ways = Object.fromEntries([...made.ways].map(([id, way]) => [id, way.items.map((each) => each.id)]));
    return { items: [...made.items.values()].map(shown), ways, along: made.along, across: made.across };
  });
}"""


def graph(seed: int) -> dict[str, Any]:
    """Any graph: loops, loops over one processor, several connections between two, parts that hang together with none."""
    dice = random.Random(seed)
    names = [f"p{number}" for number in range(dice.randint(1, 25))]
    ends = [(dice.choice(names), dice.choice(names)) for _ in range(dice.randint(0, 40))]
    edges = [{"id": f"e{number}", "producer": one, "consumer": other} for number, (one, other) in enumerate(ends)]
    return {"names": names, "edges": edges}


@pytest.fixture
def loaded(blank: Page, shown: Shown) -> Page:
    shown.start()
    shown.wait_for_kept(1)
    blank.goto(shown.url)
    return blank


def overlaps(items: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Pairs of boxes of a layer that lie over each other."""
    found, layers = [], dict[int, list[dict[str, Any]]]()
    for each in items:
        if each["kind"] != "bend":
            layers.setdefault(each["layer"], []).append(each)
    for layer in layers.values():
        layer.sort(key=lambda each: float(each["across"]))
        for one, other in pairwise(layer):
            apart = (SIZES[one["kind"]]["across"] + SIZES[other["kind"]]["across"]) / 2  # type: ignore[index]
            if other["across"] - one["across"] < apart - 0.01:
                found.append((one["id"], other["id"]))
    return found


def test_no_box_lies_over_another_and_every_connection_leads_from_its_producer_to_its_consumer(
    loaded: Page, complaints: Complaints
) -> None:
    graphs = [graph(seed) for seed in range(60)]
    for given, made in zip(graphs, loaded.evaluate(LAYOUT, [graphs, SIZES]), strict=True):
        ends = {id_: (way[0], way[-1]) for id_, way in made["ways"].items()}
        assert overlaps(made["items"]) == []
        assert ends == {each["id"]: (each["producer"], each["consumer"]) for each in given["edges"]}
        assert all(
            0 <= each["across"] <= made["across"] and 0 <= each["along"] <= made["along"] for each in made["items"]
        )
    complaints.forgive("401 (Unauthorized)")


def test_five_hundred_processors_are_laid_out_in_a_moment(loaded: Page, complaints: Complaints) -> None:
    names = [f"p{number}" for number in range(500)]
    ends = [(number, number + step) for number in range(497) for step in (1, 3)]
    edges = [{"id": f"{a}-{b}", "producer": f"p{a}", "consumer": f"p{b}"} for a, b in ends]
    (made,) = loaded.evaluate(LAYOUT, [[{"names": names, "edges": edges}], SIZES])
    assert (len([each for each in made["items"] if each["kind"] == "processor"]), overlaps(made["items"])) == (500, [])
    complaints.forgive("401 (Unauthorized)")
