"""One request in the flow: who asked, and what is to be said to that."""

from __future__ import annotations

from typing import TYPE_CHECKING

from router import Ack
from router_processors.serve_http.answers import Answer, answer_of

if TYPE_CHECKING:
    from router_processors.serve_http.client import Client

RETRY_AFTER = "Retry-After"


class Request:
    """The token of its records: they go on whether or not the client is still there to hear of them."""

    __slots__ = ("client", "count", "is_batch", "size", "time")

    def __init__(self, client: Client, count: int, size: int, time: float, *, is_batch: bool) -> None:
        self.client: Client | None = client
        self.count = count
        self.size = size
        self.time = time
        self.is_batch = is_batch

    def answer(self, answer: Answer) -> None:
        """Say it to the client, once, if there still is one."""
        client, self.client = self.client, None
        if client is not None:
            client.answer(answer)

    def settle(self, ack: Ack, retry: tuple[str, str]) -> None:
        """Say what became of the records, or what was replied."""
        if self.client is not None:
            self.answer(answer_of(ack, self.count, retry, is_batch=self.is_batch))
