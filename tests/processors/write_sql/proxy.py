"""A server between two others, which cuts a connection at the worst moment."""

from __future__ import annotations

import asyncio
from typing import Any, Self


class CuttingProxy:
    """Passes bytes on to a port; the first time that ``word`` has been asked, nobody hears the answer."""

    def __init__(self, to: int, word: bytes) -> None:
        self.cut = 0
        self.port = 0
        self._to = to
        self._word = word
        self._tasks: list[asyncio.Future[Any]] = []

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *error: object) -> None:
        self._server.close()
        for each in self._tasks:
            each.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if (task := asyncio.current_task()) is not None:
            self._tasks.append(task)
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._to)
        back = asyncio.ensure_future(pump(there_reader, writer))
        self._tasks.append(back)
        try:
            while (data := await reader.read(1 << 16)) and not self._is_cut_at(data):
                there_writer.write(data)
            if data:
                back.cancel()
                await asyncio.gather(back, return_exceptions=True)
                there_writer.write(data)
                await there_reader.read(1)  # the server has done it
        finally:
            writer.close()
            there_writer.close()

    def _is_cut_at(self, data: bytes) -> bool:
        is_cut = self._word in data and not self.cut
        self.cut += is_cut
        return is_cut


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(1 << 16):
        writer.write(data)
