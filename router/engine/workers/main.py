"""A worker process: makes its processor, answers one order at a time, ends when the engine hangs up."""

from __future__ import annotations

import asyncio
import importlib
import mmap
import pickle
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

from router.authoring import Processor
from router.batch import Batch
from router.engine.outputs import outputs_of
from router.engine.workers.frames import HEADER, Answer, Order, Recipe, answer_part, batch_of, dump
from router.errors import ProcessorError
from router.functions import FunctionProcessor
from router.plugins import load_file

__all__ = ["main"]


class WorkerContext:
    """The Context inside a worker: time and bulletins; what needs the flow's acks is not there."""

    is_exactly_once = False

    def __init__(self, name: str, flow: str) -> None:
        self.name = name
        self.flow = flow
        self.bulletins: list[tuple[str, dict[str, object]]] = []

    def now(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def bulletin(self, text: str, /, **data: object) -> None:
        """Tell the operator, with the answer."""
        self.bulletins.append((text, data))

    @property
    def state(self) -> NoReturn:
        """Not in a worker."""
        raise ProcessorError("state is not available with `execution: process`")

    def hold(self, batch: Batch) -> NoReturn:
        """Not in a worker."""
        raise ProcessorError("hold is not available with `execution: process`")

    def reply(self, batch: Batch, status: int = 200, headers: Any = None) -> NoReturn:
        """Not in a worker."""
        raise ProcessorError("reply is not available with `execution: process`")

    def wake_at(self, time: float | None) -> NoReturn:
        """Not in a worker."""
        raise ProcessorError("wake_at is not available with `execution: process`")

    async def sleep(self, seconds: float) -> NoReturn:
        """Not in a worker."""
        raise ProcessorError("sleep is not available with `execution: process`")


def make(recipe: Recipe) -> Processor:
    """Make the processor a recipe describes."""
    sys.path[:] = recipe.path
    if recipe.module.startswith("router_plugins.") and recipe.file is not None:
        module: Any = load_file(Path(recipe.file))
    else:
        module = importlib.import_module(recipe.module)
    found: Any = module
    for name in recipe.qualname.split("."):
        found = getattr(found, name)
    kind: type[Processor] = found
    return kind(kind.config_class().model_construct(**recipe.settings))


class Worker:
    """Answers orders on a socket, marking in shared memory which record it is at."""

    def __init__(self, connection: socket.socket, mark: Any) -> None:
        self._file = connection.makefile("rwb")
        self._mark = mark

    def run(self) -> None:
        """Work until the engine hangs up."""
        recipe = self._read()
        context: Any = WorkerContext(recipe.name, recipe.flow)
        try:
            processor = make(recipe)
            asyncio.run(processor.start(context))
        except (Exception, SystemExit) as error:  # noqa: BLE001 - told to the engine, which isolates the record
            self._write(Answer(error=error))
            return
        self._write(Answer())
        while (order := self._read()) is not None:
            self._write(self._answer(processor, order, context))
        asyncio.run(processor.stop(context))

    def _answer(self, processor: Processor, order: Order, context: WorkerContext) -> Answer:
        batch = batch_of(order)
        try:
            given: Any = (
                processor.process_marked(batch, context, self._mark)
                if isinstance(processor, FunctionProcessor)
                else processor.process(batch, context)
            )
            outputs = outputs_of(given, processor.type_name)
            parts = [answer_part(name, each, as_content=order.content is not None) for name, each in outputs]
            answer = Answer(parts)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - told to the engine, which isolates the record
            answer = Answer(error=error)
        answer.bulletins, context.bulletins = context.bulletins, []
        return answer

    def _read(self) -> Any:
        header = self._file.read(HEADER.size)
        if len(header) < HEADER.size:
            return None
        return pickle.loads(self._file.read(HEADER.unpack(header)[0]))  # noqa: S301 - from the engine that started us

    def _write(self, answer: Answer) -> None:
        self._file.write(dump(answer))
        self._file.flush()


def main() -> None:
    """Run a worker on the file descriptors given as arguments."""
    # Ctrl-C goes to the whole group; the engine decides when its workers end.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    mark = memoryview(mmap.mmap(int(sys.argv[2]), 8)).cast("Q")
    Worker(socket.socket(fileno=int(sys.argv[1])), mark).run()


if __name__ == "__main__":
    main()
