"""Real processes that are changed while they run: under load, killed in the middle of it, with clients at the door."""

from __future__ import annotations

import asyncio
import http.client
import itertools
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from typing import Any

import pytest

from router.control.client import Client, ControlError, UnreachableError
from tests.crash.books import doubled, missing, out_of_order
from tests.crash.flows import DISK, SOURCE, WAITING
from tests.crash.lives import Life, Place
from tests.services.server import free_port

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

KEEP = "keep: {type: write_file, path: out.jsonl%s}"
SHAPES = (
    f"{SOURCE % 'mark'}\nmark: {{type: mark, to: keep}}\n{KEEP % ''}",
    f"{SOURCE % 'mark'}\nmark: {{type: mark, to: more}}\nmore: {{type: mark, to: keep}}\n{KEEP % ''}",
    f"{SOURCE % DISK % 'mark'}\nmark: {{type: mark, to: keep}}\n{KEEP % ''}",
    f"{SOURCE % DISK % 'mark'}\nmark: {{type: mark, run: {{concurrency: 2}}, to: {DISK % 'keep'}}}\n{KEEP % ''}",
    f"{SOURCE % 'mark'}\nmark: {{type: mark, run: {{batch: {{records: 50}}}}, to: keep}}\n{KEEP % ', sync: close'}",
    f"{SOURCE.replace('2000', '1000') % 'mark'}\nmark: {{type: mark, to: keep}}\n{KEEP % ''}",
)
"""One flow in the shapes it takes by turns: a step more, records on disk or not, another source, another sink."""


def reload(place: Place, **options: Any) -> list[str]:
    """Have the flow follow its file: what was begun anew."""

    async def asked() -> list[str]:
        async with Client(place.data) as client:
            found = await client.flow("flow").reload(**options)
            return [each.name for each in found.replaced]

    return asyncio.run(asked())


def started(place: Place) -> Life:
    """A life whose API answers."""
    life = place.start()

    def answers() -> bool:
        async def look() -> None:
            async with Client(place.data) as client:
                await client.flow("flow").look()

        with suppress(UnreachableError, ControlError):
            asyncio.run(look())
            return True
        return False

    life.until(answers, "its control API")
    return life


def goes_on(life: Life, amount: Callable[[], int], by: int = 1) -> None:
    """Wait until there is more than now."""
    due = amount() + by
    life.until(lambda: amount() >= due, "more than before")


def _is_last(looks: Iterator[int]) -> bool:
    return next(looks, None) is None


def test_twenty_reloads_under_load_lose_and_double_nothing(place: Place) -> None:
    place.flow(SHAPES[0])
    life, renewed = started(place), Counter[str]()
    for shape in itertools.islice(itertools.cycle([*SHAPES[1:], SHAPES[0]]), 20):
        place.flow(shape)
        renewed.update(reload(place))
        goes_on(life, lambda: place.size("out.jsonl"))
    place.books.enough()
    assert life.end() == 0, life.said
    found = place.found("out.jsonl")
    assert set(renewed) == {"read", "mark", "keep"}
    assert missing(place.books.numbers(), found.numbers) == []
    assert (doubled(found.givings), out_of_order(found.rows)) == (0, [])
    assert len(set(found.numbers)) == len(place.books.settled())
    place.tally(len(place.books.settled()), doubled(found.givings))


def test_a_bad_file_changes_nothing_and_says_all_that_is_wrong(place: Place) -> None:
    place.flow(SHAPES[0])
    life = started(place)
    place.flow(SHAPES[1].replace("type: write_file", "type: write_fil").replace("to: more", "to: mor"))
    with pytest.raises(ControlError) as refused:
        reload(place)
    assert refused.value.status == 409
    for text in ("flow.yaml:6:", "did you mean 'write_file'?", "flow.yaml:4:", "did you mean 'more'?"):
        assert text in str(refused.value)
    goes_on(life, lambda: place.size("out.jsonl"))
    place.books.enough()
    assert life.end() == 0
    assert "was not reloaded" in life.said
    assert missing(place.books.numbers(), place.found("out.jsonl").numbers) == []


def test_killed_in_the_middle_of_reloads_nothing_is_lost(place: Place, share: Callable[[int], int]) -> None:
    shapes = itertools.cycle(SHAPES)
    for _ in range(share(8)):
        place.flow(next(shapes))
        life = started(place)
        changing = threading.Thread(target=_reload_until_killed, args=(place, shapes))
        changing.start()
        looks = iter(range(place.dice.randrange(400)))
        life.until(partial(_is_last, looks), "a while")
        life.kill()
        place.kills += 1
        changing.join()
    place.flow(SHAPES[3])
    place.finish()
    found = place.found("out.jsonl")
    assert missing(place.books.numbers(), found.numbers) == []
    place.tally(len(place.books.settled()), doubled(found.givings), a_kill=2 * WAITING)


def _reload_until_killed(place: Place, shapes: Iterator[str]) -> None:
    while True:
        place.flow(next(shapes))
        try:
            reload(place)
        except UnreachableError:
            return
        except ControlError:  # it says why not, and goes on as it was
            pass


class Clients:
    """Clients that send one record after the other, each until it is taken."""

    def __init__(self, port: int, count: int) -> None:
        self.answers: Counter[int] = Counter()
        self.taken: list[int] = []
        self.sent = 0
        self.is_over = False
        self._port = port
        self._lock = threading.Lock()
        self._numbers = itertools.count()
        self._threads = [threading.Thread(target=self._send_all) for _ in range(count)]
        for each in self._threads:
            each.start()

    def end(self) -> None:
        self.is_over = True
        for each in self._threads:
            each.join()

    def _send_all(self) -> None:
        while not self.is_over:
            number = next(self._numbers)
            while self._send(number) != 200:
                pass

    def _send(self, number: int) -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        try:
            connection.connect()
        except ConnectionError:  # nobody listens between the old source and the new one
            return 0
        try:
            connection.request("POST", "/in", json.dumps({"n": number}))
            status = connection.getresponse().status
        except ConnectionError:  # it waited in the line before a door that was closed
            status = 0
        finally:
            connection.close()
        with self._lock:
            self.answers[status] += 1
            if status == 200:
                self.taken.append(number)
        return status


def test_a_server_is_replaced_at_its_port_while_clients_send(place: Place) -> None:
    port = free_port()
    shape = f'serve: {{type: serve_http, listen: "127.0.0.1:{port}", max_open: %d, to: keep}}\n{KEEP % ""}'
    place.flow(shape % 1000)
    life = started(place)
    clients = Clients(port, 4)
    for number in range(5):
        place.flow(shape % (900 - number))
        assert reload(place) == ["serve"]
        goes_on(life, lambda: len(clients.taken), 20)
    clients.end()
    life.stop()
    assert life.end() == 0
    found = Counter(place.found("out.jsonl").numbers)
    assert set(clients.taken) <= set(found)
    assert set(clients.answers) <= {200, 503, 429, 0}
    assert sum(found.values()) <= len(clients.taken) + clients.answers[0] + clients.answers[503]
    print(dict(clients.answers), sum(found.values()) - len(found), "doubled")  # noqa: T201
