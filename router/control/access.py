"""Who may ask over TCP: whoever shows the token, and came by the name that the server goes by."""

from __future__ import annotations

import hmac
import ipaddress
import secrets
import socket
from collections.abc import Iterable, Mapping

from router.control.page.paths import is_page
from router.control.refusals import RefusedError

__all__ = ["Access", "is_loopback", "made_token"]

SHORTEST = 16
_FREE = frozenset({"/healthz", "/readyz"})  # they say nothing of the flows, and those who probe hold no token


class Access:
    """Checks requests that come over TCP.

    Args:
        token: What has to be shown.
        host: The name or address that is listened on.
        names: By which other names clients may come.
    """

    def __init__(self, token: str, host: str, names: Iterable[str] = ()) -> None:
        self._token = token.encode()
        self._is_loopback = is_loopback(host)
        known = {host, "localhost", *names, *(() if self._is_loopback else (socket.gethostname(), socket.getfqdn()))}
        self._hosts = {each.casefold().rstrip(".") for each in known if each}

    def check(self, path: str, headers: Mapping[str, str], scheme: str) -> None:
        """Let a request pass.

        Raises:
            RefusedError: the host is not this one, the page asking is another's, or the token is wrong.
        """
        host = headers.get("Host", "")
        if not self._is_known(_name_in(host)):
            raise RefusedError(
                f"the host {host[:100]!r} is not known here; name it with --allow-host when the flow is run", status=403
            )
        origin = headers.get("Origin")
        if origin is not None and origin.casefold() != f"{scheme}://{host}".casefold():
            raise RefusedError(f"pages of {origin[:100]!r} may not ask here", status=403)
        if path not in _FREE and not is_page(path):
            self._check_token(headers.get("Authorization", ""))

    def _is_known(self, name: str) -> bool:
        """By a name of ours; or by an address, which nobody can make a browser take for another's."""
        try:
            address = ipaddress.ip_address(name)
        except ValueError:
            return name.casefold().rstrip(".") in self._hosts
        return address.is_loopback or not self._is_loopback

    def _check_token(self, authorization: str) -> None:
        kind, _, shown = authorization.partition(" ")
        given = shown.strip().encode("utf-8", "surrogateescape") if kind.casefold() == "bearer" else b""
        if not hmac.compare_digest(given, self._token):
            raise RefusedError("the token is missing or wrong; show it as: Authorization: Bearer TOKEN", status=401)


def made_token() -> str:
    """A token that nobody guesses."""
    return secrets.token_urlsafe(32)


def is_loopback(host: str) -> bool:
    """True if only this machine can reach it."""
    if host.casefold() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _name_in(host: str) -> str:
    """The name without the port; of an address in brackets what is in them."""
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.partition(":")[0]
