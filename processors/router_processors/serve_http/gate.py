"""Who may come in: looks at the head of a request before anything is made of its body."""

from __future__ import annotations

from collections.abc import Collection

from router_processors.serve_http.head import Head
from router_processors.serve_http.reading import Reader
from router_processors.serve_http.refused import Refused
from router_processors.serve_http.settings import Auth

METHODS = ("POST", "PUT")
_AS_IT_IS = {"", "identity"}


class Gate:
    """Refuses what is not meant for this flow, or is more than it takes."""

    def __init__(self, paths: Collection[str], auth: Auth | None, reader: Reader, max_body: int) -> None:
        self.max_body = max_body
        self._paths = frozenset(paths)
        self._auth = auth
        self._reader = reader

    def check(self, head: Head) -> None:
        """Let a request in, to send its body.

        Raises:
            Refused: what is wrong with it.
        """
        headers = head.headers
        if self._auth is not None and not self._auth.admits(headers.get("authorization", "")):
            raise Refused(401, "the token is missing, or is none of this server's", ("WWW-Authenticate", "Bearer"))
        if head.path not in self._paths:
            raise Refused(404, f"nothing is served at {head.path!r:.100}")
        if head.method not in METHODS:
            raise Refused(405, f"records come by POST or PUT; got {head.method!r:.30}", ("Allow", ", ".join(METHODS)))
        if "expect" in headers and headers["expect"].lower() != "100-continue":
            raise Refused(417, f"'expect' can only be '100-continue'; got {headers['expect']!r:.100}", closes=True)
        if head.length == -1:
            raise Refused(411, "'content-length' is missing, and the body is not chunked")
        if head.length is not None and head.length > self.max_body:
            raise Refused(413, f"the body is larger than {self.max_body:,} bytes")
        if "content-encoding" in headers and not (head.is_gzip or headers["content-encoding"].lower() in _AS_IT_IS):
            text = f"a body is sent as it is, or as gzip; got {headers['content-encoding']!r:.100}"
            raise Refused(415, text, ("Accept-Encoding", "gzip"))
        self._reader.check_type(head.media_type)
