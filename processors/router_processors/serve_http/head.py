"""Read the head of an HTTP/1 request with llhttp, and refuse the little it takes that two programs could read differently."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from httptools import HttpParserError, HttpParserUpgrade, HttpRequestParser

from router_processors.serve_http.refused import Refused, broken

LONGEST = 16 << 10
MOST = 100
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")
_ABSOLUTE = re.compile(r"https?://[^/?#]+(?=[/?#]|$)", re.IGNORECASE)
_SINGLE = {
    "authorization", "content-encoding", "content-length", "content-type", "expect", "host", "transfer-encoding",
}  # fmt: skip
_GZIP = {"gzip", "x-gzip"}
_KEPT = 1000


class _Lower(dict[bytes, str]):
    """Names of fields in lower case: clients send the same ones again and again."""

    def __missing__(self, name: bytes) -> str:
        lower = name.decode("ascii").lower()
        if len(self) < _KEPT:
            self[name] = lower
        return lower


_lower = _Lower()


class Head:
    """What a request says before its body."""

    __slots__ = ("headers", "is_gzip", "keeps_open", "length", "media_type", "method", "minor", "path", "query")

    def __init__(self, method: str, target: str, minor: int, headers: Mapping[str, str], *, keeps_open: bool) -> None:
        self.method = method
        self.minor = minor
        self.headers = headers
        self.keeps_open = keeps_open
        is_plain = target[0] == "/" and "?" not in target and "%" not in target
        self.path, self.query = (target, "") if is_plain else _split(target)
        self.media_type = (
            headers["content-type"].partition(";")[0].rstrip().lower() if "content-type" in headers else ""
        )
        self.is_gzip = "content-encoding" in headers and headers["content-encoding"].lower() in _GZIP
        self.length = _length(headers, minor)
        """Bytes of the body; None: it says itself where it ends, in chunks; -1: nothing is said."""

    @property
    def waits_for_continue(self) -> bool:
        """True if the client wants to hear that it may send the body."""
        return self.minor == 1 and self.headers.get("expect", "").lower() == "100-continue"


class _Found:
    """What httptools calls, once for each thing that it finds in a head; what is None it leaves out."""

    __slots__ = ("headers", "keeps_open", "parser", "repeated", "target")
    on_message_begin = on_body = on_message_complete = on_chunk_header = on_chunk_complete = None

    def __init__(self) -> None:
        self.parser = HttpRequestParser(self)
        self.target = b""
        self.headers: dict[str, str] = {}
        self.repeated: list[str] = []
        self.keeps_open = False

    def on_url(self, url: bytes) -> None:
        self.target = url

    def on_header(self, name: bytes, value: bytes) -> None:
        headers, lower, text = self.headers, _lower[name], value.decode("latin-1").rstrip(" \t")
        if lower in headers:
            self.repeated.append(lower)
            text = f"{headers[lower]}, {text}"
        headers[lower] = text

    def on_headers_complete(self) -> None:
        self.keeps_open = self.parser.should_keep_alive()  # a request without a body ends here, and it is forgotten
        del self.parser  # that knows this object: together they would wait for the garbage collector


def parse(data: bytes) -> Head:
    """Read a head, with the empty line at its end.

    Raises:
        Refused: it is not exactly what RFC 9112 says.
    """
    found = _Found()
    parser = found.parser
    _feed(parser, data)
    method, target, headers = parser.get_method(), found.target, found.headers
    line = method + b" " + target + b" HTTP/"
    minor = 1 if data.startswith(line + b"1.1\r") else _minor(data, line, parser.get_http_version())
    if (count := len(headers) + len(found.repeated)) > MOST:
        raise Refused(431, f"the head has {count} fields; at most {MOST} are read", closes=True)
    for name in found.repeated:
        if name in _SINGLE:  # llhttp looks at the length alone; of others the next program may take the other one
            raise broken(f"{name!r} is said twice")
    _check_host(headers, minor)
    return Head(method.decode(), target.decode("latin-1"), minor, headers, keeps_open=found.keeps_open)


def objection(data: bytes) -> Refused | None:
    """Why the beginning of a head cannot become one, so that nobody waits for its end."""
    if len(data) > LONGEST:
        return Refused(431, f"the head is longer than {LONGEST:,} bytes", closes=True)
    try:
        _feed(HttpRequestParser(None), data)
    except Refused as refused:
        return refused
    return None


def is_name(text: str) -> bool:
    """True for what may be the name of a field."""
    return _NAME.fullmatch(text) is not None


def _feed(parser: HttpRequestParser, data: bytes) -> None:
    try:
        parser.feed_data(data)
    except HttpParserUpgrade:
        pass  # whoever offers another protocol is answered in this one
    except HttpParserError as error:
        if str(error) == "Invalid HTTP version":
            raise _other(parser.get_http_version()) from error
        raise broken(f"no request of HTTP/1.1: {error}") from error


def _minor(data: bytes, line: bytes, version: str) -> int:
    # llhttp passes over spaces too many, reads RTSP as well, and takes a line without a version for HTTP/0.9.
    if not data.startswith(line + version.encode() + b"\r"):
        first = data.partition(b"\r")[0].decode("latin-1")
        raise broken(f"no request line of HTTP/1.1; it is {first!r:.100}")
    if version != "1.0":
        raise _other(version)
    return 0


def _other(version: str) -> Refused:
    return Refused(505, f"HTTP/{version} is not spoken here; HTTP/1.1 is", closes=True)


def _check_host(headers: Mapping[str, str], minor: int) -> None:
    # llhttp takes any; a proxy may have chosen by it whom to ask.
    if "host" in headers:
        if not _HOST.fullmatch(headers["host"]):
            raise broken(f"'host' is no name of a host: {headers['host']!r:.100}")
    elif minor == 1:
        raise broken("'host' is missing")


def _split(target: str) -> tuple[str, str]:
    if target[0] != "/":
        if target == "*":
            return target, ""
        absolute = _ABSOLUTE.match(target)
        if absolute is None:
            raise broken(f"a target is a path; got {target!r:.100}")
        target = target[absolute.end() :]
    path, _, query = target.partition("?")
    return (unquote(path) if "%" in path else path) or "/", query


def _length(headers: Mapping[str, str], minor: int) -> int | None:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length", "-1")
    if coding is None:
        if len(length) > 20:  # zeros before it without end, which Python does not read
            raise broken(f"'content-length' is a number of bytes; got {length!r:.100}")
        return int(length)
    # llhttp takes `gzip, chunked`, which nobody here inflates, and chunks of HTTP/1.0, which has none.
    if minor == 0 or coding.lower() != "chunked":
        raise broken(f"'transfer-encoding' is 'chunked' or nothing; got {coding!r:.100}")
    return None
