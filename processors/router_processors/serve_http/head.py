"""Read the head of an HTTP/1 request, strictly: what two programs could read differently is refused."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import unquote

from router_processors.serve_http.refused import Refused, broken

LONGEST = 16 << 10
MOST = 100
_REQUEST = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/([0-9])\.([0-9])")
_PLAIN = re.compile(r"/[0-9A-Za-z/._~-]*")
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_HOST = re.compile(r"[0-9A-Za-z._~%!$&'()*+,;=:\[\]-]*")
_BARE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")
_ABSOLUTE = re.compile(r"https?://[^/?#]+(?=[/?#]|$)", re.IGNORECASE)
_ALLOWED = bytes({9, *range(32, 127), *range(128, 256)})
_SINGLE = {
    "authorization", "content-encoding", "content-length", "content-type", "expect", "host", "transfer-encoding",
}  # fmt: skip
_GZIP = {"gzip", "x-gzip"}
_KEPT = 1000
_lower: dict[str, str] = {}  # names that were checked: clients send the same ones again and again


class Head:
    """What a request says before its body."""

    __slots__ = ("headers", "is_gzip", "keeps_open", "length", "media_type", "method", "minor", "path", "query")

    def __init__(self, method: str, target: str, minor: int, headers: Mapping[str, str]) -> None:
        self.method = method
        self.minor = minor
        self.headers = headers
        self.path, self.query = (target, "") if _PLAIN.fullmatch(target) else _split(target)
        self.media_type = headers["content-type"].partition(";")[0].strip().lower() if "content-type" in headers else ""
        self.is_gzip = "content-encoding" in headers and headers["content-encoding"].lower() in _GZIP
        self.length = _length(headers, minor)
        """Bytes of the body; None: it says itself where it ends, in chunks; -1: nothing is said."""
        self.keeps_open = _keeps_open(headers, minor)

    @property
    def waits_for_continue(self) -> bool:
        """True if the client wants to hear that it may send the body."""
        return self.minor == 1 and self.headers.get("expect", "").lower() == "100-continue"


def parse(data: bytes) -> Head:
    r"""Read a head without the empty line at its end.

    Raises:
        Refused: it is not exactly what RFC 9112 says.
    """
    lines = data.split(b"\r\n")
    if data.translate(None, _ALLOWED) != b"\r\n" * (len(lines) - 1):
        raise broken("the head has a control character, or a line that does not end in CR LF")
    if len(lines) > MOST:
        raise Refused(431, f"the head has {len(lines) - 1} fields; at most {MOST} are read", closes=True)
    first, *rest = data.decode("latin-1").split("\r\n")
    request = _REQUEST.fullmatch(first)
    if request is None:
        raise broken(f"no request line of HTTP/1.1; it is {first!r:.100}")
    method, target, major, minor = request.groups()
    if major != "1" or minor not in "01":
        raise Refused(505, f"HTTP/{major}.{minor} is not spoken here; HTTP/1.1 is", closes=True)
    headers = _fields(rest)
    if "host" in headers:
        if not _HOST.fullmatch(headers["host"]):
            raise broken(f"'host' is no name of a host: {headers['host']!r:.100}")
    elif minor == "1":
        raise broken("'host' is missing")
    return Head(method, target, int(minor), headers)


def objection(data: bytes) -> Refused | None:
    """Why the beginning of a head cannot become one, so that nobody waits for its end."""
    if len(data) > LONGEST:
        return Refused(431, f"the head is longer than {LONGEST:,} bytes", closes=True)
    if _BARE.search(data):
        return broken("a line of the head does not end in CR LF")
    if data[:1].translate(None, _ALLOWED) and data[:1] != b"\r":
        return broken("no request line of HTTP/1.1; it begins with a control character")
    return None


def is_name(text: str) -> bool:
    """True for what may be the name of a field."""
    return _NAME.fullmatch(text) is not None


def _fields(lines: list[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        lower = _lower.get(name) or _lowered(name)
        if not colon:
            raise broken(f"a field is 'name: value'; got {line!r:.100}")
        value = value.strip(" \t")
        if lower in found:
            if lower in _SINGLE:
                raise broken(f"{lower!r} is said twice")
            value = f"{found[lower]}, {value}"
        found[lower] = value
    return found


def _lowered(name: str) -> str:
    if not is_name(name):  # also a line that begins with a space: folded, as nobody may any more
        raise broken(f"no name of a field: {name!r:.100}")
    lower = name.lower()
    if len(_lower) < _KEPT:
        _lower[name] = lower
    return lower


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
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None:
            raise broken("'content-length' and 'transfer-encoding' exclude each other")
        if minor == 0 or coding.lower() != "chunked":
            raise broken(f"'transfer-encoding' is 'chunked' or nothing; got {coding!r:.100}")
        return None
    if length is None:
        return -1
    if not (length.isascii() and length.isdigit() and len(length) <= 15):
        raise broken(f"'content-length' is a number of bytes; got {length!r:.100}")
    return int(length)


def _keeps_open(headers: Mapping[str, str], minor: int) -> bool:
    said = headers.get("connection")
    if said is None:
        return minor == 1
    words = {each.strip() for each in said.lower().split(",")}
    return "close" not in words and (minor == 1 or "keep-alive" in words)
