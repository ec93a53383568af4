"""A request that is answered without the flow: what is wrong with it, as HTTP says it."""

from __future__ import annotations


class Refused(Exception):  # noqa: N818 - it is no error of the program
    """Why a request is not taken.

    ``closes``: where the next request on this socket would begin is not known, or not to be trusted.
    """

    def __init__(self, status: int, text: str, *headers: tuple[str, str], closes: bool = False) -> None:
        super().__init__(text)
        self.status = status
        self.text = text
        self.headers = headers
        self.closes = closes


def broken(text: str) -> Refused:
    """What is no HTTP: two programs on the way may read it differently, and so nothing behind it is read."""
    return Refused(400, text, closes=True)
