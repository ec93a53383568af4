"""How a command reaches flows that run: by name, file or data folder on this machine, or over TCP."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from router.cli.loading import fail

if TYPE_CHECKING:
    from router.control.client import Client, FlowClient

__all__ = ["AT_A_LOOK", "Reach", "ask", "flow_reach", "is_running", "over_tcp", "reach_options"]

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., Any])
REFUSED = 1
AT_A_LOOK = 5.0  # seconds that a look may take: whoever wants to see is not to wait for what stands still


@dataclass(frozen=True, slots=True)
class Reach:
    """Which flow a command means, and the way to it."""

    flow: str | None
    data: Path | None = None
    url: str | None = None
    token_file: Path | None = None

    @classmethod
    def taken(cls, options: dict[str, Any]) -> Reach:
        """Take what belongs to it out of the options of a command."""
        return cls(options.pop("flow"), options.pop("data"), options.pop("url"), options.pop("token_file"))


def reach_options(command: _F, *, is_required: bool = True) -> _F:
    """`FLOW`, `--data`, `--url` and `--token-file`."""
    path = click.Path(path_type=Path)
    for option in (
        click.option(
            "--token-file", metavar="FILE", type=path, help="The token it asks for; else that in ROUTER_TOKEN."
        ),
        click.option("--url", metavar="URL", help="The process that runs it, as its --listen says."),
        click.option("--data", metavar="DIR", type=path, help="Its data folder, where it has not the usual one."),
        click.argument("flow", metavar="FLOW" if is_required else "[FLOW]", required=is_required),
    ):
        command = option(command)
    return command


def flow_reach(command: _F) -> _F:
    """The same, where one flow need not be named."""
    return reach_options(command, is_required=False)


def ask(work: Callable[[], Coroutine[Any, Any, _T]]) -> _T:
    """Run what asks; where it is refused, or nobody answers, say so and exit with 1. Ctrl-C ends it quietly."""
    from router.errors import ControlError  # noqa: PLC0415 - `--help` asks nobody

    try:
        return asyncio.run(work())
    except ControlError as error:
        click.echo(str(error), err=True)
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(REFUSED)


@asynccontextmanager
async def reached(reach: Reach) -> AsyncIterator[FlowClient]:
    """The flow that is meant: the one that is named, or the only one that runs.

    Raises:
        ControlError: it does not run, or there are several.
    """
    from router.control.client import Client  # noqa: PLC0415 - `--help` asks nobody

    if reach.url is not None:
        async with over_tcp(reach) as client:
            yield client.flow(reach.flow) if reach.flow is not None else await client.only_flow()
        return
    name, data = _on_this_machine(reach)
    async with Client(data) as client:
        yield client.flow(name)


@asynccontextmanager
async def all_reached(reach: Reach) -> AsyncIterator[list[FlowClient]]:
    """The flow that is named, or all that run."""
    from router.control.client import Client, running_flows  # noqa: PLC0415 - same

    if reach.flow is not None or reach.data is not None:
        async with reached(reach) as flow:
            yield [flow]
    elif reach.url is not None:
        async with over_tcp(reach) as client:
            yield [client.flow(each.name) for each in (await client.flows()).flows]
    else:
        clients = [(Client(each.data), each.flow) for each in running_flows()]
        try:
            yield [client.flow(name) for client, name in clients]
        finally:
            for client, _ in clients:
                await client.close()


def over_tcp(reach: Reach) -> Client:
    """What asks the process at a URL; it need not answer yet."""
    from router.cli.serving import token_from  # noqa: PLC0415 - same
    from router.control.client import Client  # noqa: PLC0415

    assert reach.url is not None
    if not reach.url.startswith(("http://", "https://")):
        fail([f"--url {reach.url!r}: a URL begins with http:// or https://"])
    return Client(reach.url, token=token_from(reach.token_file))


def _on_this_machine(reach: Reach) -> tuple[str, Path]:
    """The name and the data folder of a flow."""
    from router.cli.data_folder import default_folder  # noqa: PLC0415 - same
    from router.cli.flow_data import find_data  # noqa: PLC0415
    from router.control.client import running_flows  # noqa: PLC0415
    from router.errors import nearest  # noqa: PLC0415

    there = running_flows()
    if reach.data is None:
        found = [each for each in there if reach.flow in (None, each.flow)]
        if len(found) == 1:
            return found[0].flow, found[0].data
        if found:
            _several([f"{each.flow} ({each.data})" for each in found])
    if reach.flow is None:
        if reach.data is None:
            fail(["no flow runs; run one with: router run FLOW"])
        return _owner(reach.data), reach.data
    if reach.data is None and not Path(reach.flow).exists() and not default_folder(reach.flow).is_dir():
        click.echo(f"no flow {reach.flow!r} runs{nearest(reach.flow, [each.flow for each in there])}", err=True)
        sys.exit(REFUSED)
    found_data = find_data(reach.flow, reach.data)
    return found_data.name, found_data.folder


def _owner(data: Path) -> str:
    from router.cli.data_folder import owner_of  # noqa: PLC0415 - same

    name = owner_of(data)
    if name is None:
        fail([f"{str(data)!r} is no data folder of a flow"])
    return name


def _several(found: list[str]) -> NoReturn:
    fail(["several flows run; name one, or its data folder: " + ", ".join(found)])


def is_running(data: Path) -> bool:
    """True if a flow runs with a data folder and can be asked."""
    from router.control.places import socket_path  # noqa: PLC0415 - same

    return socket_path(data) is not None and _answers(data)


def _answers(data: Path) -> bool:
    from router.control.client import Client, UnreachableError  # noqa: PLC0415 - same

    async def look() -> bool:
        async with Client(data) as client:
            try:
                return bool((await client.flows()).flows)
            except UnreachableError:
                return False

    return asyncio.run(look())


Work = Callable[["FlowClient"], Awaitable[_T]]


def with_flow(reach: Reach, work: Work[_T]) -> _T:
    """Ask one flow something."""

    async def asked() -> _T:
        async with reached(reach) as flow:
            return await work(flow)

    return ask(asked)
