"""How a `router run` is watched and steered: options of its control API, token, socket, certificate, collector."""

from __future__ import annotations

import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from router.cli.loading import fail
from router.control.telemetry import SHARE, Telemetry
from router.errors import ConfigError

if TYPE_CHECKING:
    import ssl

    from router.control.server import Listening

__all__ = ["Serving", "listening", "serving_options", "telemetry", "token_from"]

_F = TypeVar("_F", bound=Callable[..., Any])
_URL = re.compile(r"https?://[^\s/?#]+(/[^\s?#]*)?")
_NUMBER = re.compile(r"[0-9]+(\.[0-9]+)?")
TOKEN = "ROUTER_TOKEN"  # noqa: S105 - the name of a variable


@dataclass(frozen=True, slots=True)
class Serving:
    """Where the control API of a run is served, and who may ask."""

    no_control: bool = False
    listen: tuple[str, int] | None = None
    token_file: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    allow_host: tuple[str, ...] = ()
    otlp: str | None = None
    otlp_sample: float | None = None

    @classmethod
    def taken(cls, options: dict[str, Any]) -> Serving:
        """Take what belongs to it out of the options of a command."""
        return cls(**{each.name: options.pop(each.name) for each in fields(cls)})


def serving_options(command: _F) -> _F:
    """`--no-control`, `--listen` and what belongs to it."""
    file = click.Path(path_type=Path, dir_okay=False)
    for option in (
        click.option(
            "--otlp-sample",
            metavar="SHARE",
            callback=_share,
            help="Trace this share of the batches that sources give, such as 5%; 0 traces none.  [default: 1%]",
        ),
        click.option(
            "--otlp",
            metavar="URL",
            callback=_collector,
            help="Send metrics and traces to this OpenTelemetry collector, by OTLP over HTTP.",
        ),
        click.option(
            "--allow-host", multiple=True, metavar="NAME", help="Another name by which clients come; may be repeated."
        ),
        click.option("--tls-key", metavar="FILE", type=file, help="The private key of the certificate, as PEM."),
        click.option("--tls-cert", metavar="FILE", type=file, help="Serve with this certificate, as PEM."),
        click.option(
            "--token-file",
            metavar="FILE",
            type=file,
            help=f"The token that clients show; else {TOKEN}, else one is made and printed.",
        ),
        click.option(
            "--listen",
            metavar="HOST:PORT",
            callback=_address,
            help="Serve the control API and a web page over TCP too; beyond this machine only with a certificate.",
        ),
        click.option("--no-control", is_flag=True, help="Serve no control API: the run is neither seen nor steered."),
    ):
        command = option(command)
    return command


def listening(serving: Serving) -> Listening | None:
    """Bind what is to be listened on; None: nothing is. What is wrong is said, and the process exits with 2."""
    if serving.listen is None:
        _check_alone(serving)
        return None
    from router.control.access import Access, is_loopback, made_token  # noqa: PLC0415 - most runs do not listen
    from router.control.server import Listening  # noqa: PLC0415

    if serving.no_control:
        fail(["--no-control serves nothing, and --listen asks for it; leave one of them out"])
    host, port = serving.listen
    tls = _certificate(serving)
    if tls is None and not is_loopback(host):
        fail(
            [f"--listen {host}:{port}: others could read along; give --tls-cert and --tls-key, or listen on 127.0.0.1"]
        )
    given = token_from(serving.token_file)
    token = given or made_token()
    bound = _bound(host, port)
    url = f"{'https' if tls else 'http'}://{_written(*bound.getsockname()[:2])}"
    click.echo(f"control API on {url}", err=True)
    # What follows a '#' stays in the browser: no server sees it, and the page takes it out of the address bar.
    click.echo(f"web page on {url}/{'' if given else f'#token={token}'}", err=True)
    if given is None:  # whoever does not see it now cannot ask
        click.echo(f"its token, for {TOKEN}: {token}", err=True)
    return Listening(bound, Access(token, host, serving.allow_host), tls)


def telemetry(serving: Serving) -> Telemetry | None:
    """What sends metrics and traces; None: nothing does. What is wrong is said, and the process exits with 2."""
    if serving.otlp is None:
        if serving.otlp_sample is not None:
            fail(["--otlp-sample is about --otlp, which is not given"])
        return None
    try:
        return Telemetry(serving.otlp, SHARE if serving.otlp_sample is None else serving.otlp_sample)
    except ConfigError as error:
        fail([str(error)])


def token_from(file: Path | None) -> str | None:
    """The token that was given, in a file or in the environment; one that can be guessed is refused."""
    from router.control.access import SHORTEST  # noqa: PLC0415 - `--help` needs no token

    where = f"--token-file {str(file)!r}" if file is not None else TOKEN
    try:
        token = os.environ.get(TOKEN) if file is None else file.read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        fail([f"{where}: {getattr(error, 'strerror', None) or 'it is no text in UTF-8'}".lower()])
    if token is None or (file is None and not token):
        return None
    if len(token) < SHORTEST:
        fail([f"{where}: a token has {SHORTEST} characters at least, got {len(token)}"])
    if not token.isascii() or not token.isprintable() or " " in token:
        fail([f"{where}: a token is of printable ASCII characters, without blanks"])
    return token


def _check_alone(serving: Serving) -> None:
    for name in ("token_file", "tls_cert", "tls_key", "allow_host"):
        if getattr(serving, name):
            fail([f"--{name.replace('_', '-')} is about --listen, which is not given"])


def _certificate(serving: Serving) -> ssl.SSLContext | None:
    import ssl  # noqa: PLC0415 - same

    if serving.tls_cert is None or serving.tls_key is None:
        if serving.tls_cert is not None or serving.tls_key is not None:
            fail(["--tls-cert and --tls-key belong together"])
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(serving.tls_cert, serving.tls_key)
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        fail([f"--tls-cert {str(serving.tls_cert)!r}, --tls-key {str(serving.tls_key)!r}: {error}"])
    return context


def _bound(host: str, port: int) -> socket.socket:
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, _, _, _, address = found[0]
        return socket.create_server(address[:2], family=family, backlog=128, reuse_port=False)
    except OSError as error:
        fail([f"--listen {_written(host, port)}: {(error.strerror or str(error)).lower()}"])


def _address(context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[str, int] | None:
    if value is None:
        return None
    host, _, port = value.rpartition(":")
    if not host or not port.isascii() or not port.isdecimal() or int(port) > 65_535:
        text = f"an address is such as 127.0.0.1:8080, localhost:8080 or [::1]:8080; got {value!r}"
        raise click.BadParameter(text, ctx=context, param=parameter)
    return host.removeprefix("[").removesuffix("]"), int(port)


def _collector(context: click.Context, parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _URL.fullmatch(value):
        text = f"a collector is such as http://localhost:4318; got {value!r}"
        raise click.BadParameter(text, ctx=context, param=parameter)
    return value


def _share(context: click.Context, parameter: click.Parameter, value: str | None) -> float | None:
    if value is None:
        return None
    from router.provenance import parse_share  # noqa: PLC0415 - `--help` needs no settings

    try:
        number = float(value) if _NUMBER.fullmatch(value) else value
        return 0.0 if number == 0 else parse_share(number)
    except ValueError as error:
        raise click.BadParameter(str(error), ctx=context, param=parameter) from error


def _written(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
