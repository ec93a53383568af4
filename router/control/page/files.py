"""Serves the files of the web page: read once, told apart by their content, with headers that keep others' code out."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

from aiohttp import web

from router.control.page.paths import PREFIX

__all__ = ["PageFile", "page_files", "page_response"]

_FOLDER = Path(__file__).resolve().parent / "static"
_START = "index.html"
# Not left to the system: what it knows of suffixes differs, and a browser runs no module of another kind.
_KINDS = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
_HEADERS = {
    # Records are others' text. Were one ever taken for markup, nothing of it would run, load or be sent.
    "Content-Security-Policy": (
        "default-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; object-src 'none'; "
        "require-trusted-types-for 'script'"
    ),
    "Cache-Control": "no-cache",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@dataclass(frozen=True, slots=True)
class PageFile:
    """One file of the page."""

    content: bytes
    kind: str
    tag: str
    """Changes with its content, so that a browser asks for it whole only after an upgrade."""


def page_files() -> dict[str, PageFile]:
    """Read all files of the page, by the path each is asked for."""
    found = {}
    for path in sorted(_FOLDER.rglob("*")):
        if path.suffix in _KINDS:
            content = path.read_bytes()
            tag = f'"{blake2b(content, digest_size=12).hexdigest()}"'
            found[PREFIX + path.relative_to(_FOLDER).as_posix()] = PageFile(content, _KINDS[path.suffix], tag)
    return {"/": found.pop(PREFIX + _START), **found}


def page_response(file: PageFile, request: web.Request) -> web.Response:
    """Answer with a file, or that it is the one the browser has."""
    headers = {**_HEADERS, "ETag": file.tag}
    if request.headers.get("If-None-Match") == file.tag:
        return web.Response(status=304, headers=headers)
    return web.Response(body=file.content, headers={**headers, "Content-Type": file.kind})
