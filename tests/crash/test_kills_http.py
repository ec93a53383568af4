"""Clients that send records while their server is killed: what was answered with 200 or 202 is there."""

from __future__ import annotations

import http.client
import json
import socket
import threading
from collections.abc import Callable
from itertools import count
from random import Random

import pytest

from tests.crash.books import missing
from tests.crash.flows import DISK, WAITING
from tests.crash.lives import POLL, Place

pytestmark = [pytest.mark.slow, pytest.mark.timeout(3600)]

Share = Callable[[int], int]
CLIENTS = 4


class Clients:
    """Send arrays of numbered records without end, and remember the answers."""

    def __init__(self, port: int, seed: str) -> None:
        self.port = port
        self.answered: dict[int, set[int]] = {}
        """Numbers by the status of their answer."""
        self.sent: set[int] = set()
        self.strange: list[str] = []
        self._numbers = count()
        self._lock = threading.Lock()
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._send, args=(Random(f"{seed} {n}"),)) for n in range(CLIENTS)]

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._is_over.set()
        for thread in self._threads:
            if thread.is_alive():
                thread.join()

    @property
    def safe(self) -> set[int]:
        """What the clients may forget."""
        return self.answered.get(200, set()) | self.answered.get(202, set())

    def _send(self, dice: Random) -> None:
        while not self._is_over.is_set():
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
            try:
                while not self._is_over.is_set():
                    self._post(connection, dice.randint(1, 20))
            except (OSError, http.client.HTTPException):
                self._is_over.wait(POLL)  # it was killed: another life will come
            finally:
                connection.close()

    def _post(self, connection: http.client.HTTPConnection, size: int) -> None:
        with self._lock:
            numbers = [next(self._numbers) for _ in range(size)]
            self.sent.update(numbers)
        connection.request("POST", "/in", json.dumps([{"n": n} for n in numbers]))
        answer = connection.getresponse()
        answer.read()
        with self._lock:
            self.answered.setdefault(answer.status, set()).update(numbers)


@pytest.mark.parametrize(("target", "status", "most"), [(DISK % "keep", 202, WAITING), ("keep", 200, 0)])
def test_what_a_client_was_told_is_safe_is_in_the_file(
    place: Place, share: Share, target: str, status: int, most: int
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    place.flow(
        f"take: {{type: serve_http, listen: '127.0.0.1:{port}', to: {target}}}\nkeep: {{type: write_file, path: out.jsonl}}"
    )
    clients = Clients(port, str(place.dice.random()))
    clients.start()
    try:
        place.kill_often(share(6), "out.jsonl", spread=100_000)
    finally:
        clients.stop()
    place.finish("--until-idle")
    numbers = place.found("out.jsonl").numbers
    assert set(clients.answered) <= {status, 429, 503}
    assert len(clients.safe) > 0
    assert missing(clients.safe, numbers) == []
    assert set(numbers) <= clients.sent
    place.tally(len(clients.safe), len(numbers) - len(set(numbers)), a_kill=most)
