"""`flows/score-http.yaml` as a real command: posts go in by HTTP, and their sentiments come back."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

FLOWS = Path(__file__).resolve().parents[2] / "flows"
TEXTS = ["what a lovely day", "this is terrible", "", "😀"]


class Service:
    """The command while it runs."""

    def __init__(self, folder: Path) -> None:
        command = [sys.executable, "-m", "router", "run", str(FLOWS / "score-http.yaml"), "--set", "listen=127.0.0.1:0"]
        self.process = subprocess.Popen(
            command, env={**os.environ, "XDG_STATE_HOME": str(folder)}, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stderr is not None
        found = None
        for line in self.process.stderr:
            found = re.search(r"posts: listens \(url=http://127\.0\.0\.1:([0-9]+)/score\)", line)
            if found is not None:
                break
        assert found is not None
        self.port = int(found[1])

    def ask(self, body: Any) -> tuple[int, Any]:
        connection = HTTPConnection("127.0.0.1", self.port, timeout=20)
        connection.request("POST", "/score", json.dumps(body), {"Content-Type": "application/json"})
        response = connection.getresponse()
        found = response.status, json.loads(response.read())
        connection.close()
        return found

    def end(self) -> tuple[int, str]:
        """Stop it: the exit code, and what it said."""
        self.process.send_signal(signal.SIGTERM)
        _, said = self.process.communicate(timeout=30)
        return self.process.returncode, said


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    made = Service(tmp_path_factory.mktemp("state"))
    yield made
    assert made.end()[0] == 0


def sentiments() -> list[float]:
    session = onnxruntime.InferenceSession(FLOWS / "models" / "sentiment.onnx", providers=["CPUExecutionProvider"])
    (scores,) = session.run(["score"], {"text": np.array(TEXTS, dtype=object)})
    return [float(score) for score in scores]


def test_a_post_is_answered_with_its_sentiment(service: Service) -> None:
    status, found = service.ask({"id": 1, "text": TEXTS[0]})
    assert (status, found) == (200, {"id": 1, "text": TEXTS[0], "sentiment": pytest.approx(sentiments()[0], abs=1e-6)})


def test_many_posts_are_answered_in_their_order(service: Service) -> None:
    status, found = service.ask([{"text": text} for text in TEXTS])
    assert status == 200
    assert [each["sentiment"] for each in found] == pytest.approx(sentiments(), abs=1e-6)


def test_what_is_no_post_is_told_so_and_the_others_are_answered(service: Service) -> None:
    status, found = service.ask({"id": 1})
    assert (status, found["id"], "text" in found["error"]) == (422, 1, True)
    status, found = service.ask([{"text": "good"}, {"id": 2}])
    assert (status, [each["status"] for each in found]) == (207, [200, 422])


def test_many_clients_get_each_its_own_answer(service: Service) -> None:
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(service.ask, [{"id": n, "text": TEXTS[n % 4]} for n in range(200)]))
    expected = sentiments()
    assert [(status, each["id"]) for status, each in found] == [(200, n) for n in range(200)]
    assert [each["sentiment"] for _, each in found] == pytest.approx([expected[n % 4] for n in range(200)], abs=1e-6)
