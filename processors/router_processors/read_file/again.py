"""Give once more what was rejected: read just that again from its file."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from router import Batch, Routes
from router_processors.read_file.batches import UNTRACKED, Item
from router_processors.read_file.checkpoints import Token
from router_processors.read_file.reading import Reading


async def read_again(token: Token, reading: Reading) -> Item | None:
    """Read what a token stands for, with the token it had; None: it is not there any more."""
    try:
        reading.go_on(token.before, UNTRACKED)
        return await _collected(token, reading)
    finally:
        reading.close()


async def _collected(token: Token, reading: Reading) -> Item | None:
    records, misread = token.count
    good: list[Batch] = []
    bad: list[Batch] = []
    async for given in _all(reading):
        if isinstance(given, Batch):
            good.append(given)
        else:
            bad += given.values()
        if sum(map(len, good)) >= records and sum(map(len, bad)) >= misread:
            break
    else:
        return None
    if misread:
        return {"failure": Batch.concat(bad).slice(0, misread)}, token
    return Batch.concat(good).slice(0, records), token


async def _all(reading: Reading) -> AsyncIterator[Batch | Routes]:
    while not reading.at_end:
        for given, _ in reading.step():
            yield given
        await asyncio.sleep(0)  # noqa: TID251 - a turn for the others: all before it may have to be read
    for given, _ in reading.end():
        yield given
