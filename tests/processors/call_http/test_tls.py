"""Whom to trust, and how to prove who asks."""

from __future__ import annotations

import shutil
import ssl
import subprocess
from pathlib import Path

import pytest

from tests.processors.call_http.asking import asking, service

pytestmark = pytest.mark.needs("openssl")


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def signed(folder: Path, name: str, *, by: str | None = None) -> None:
    """``NAME.pem`` and ``NAME.key``, signed by another of them or by itself."""
    new = ["req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", f"/CN={name}"]
    key, certificate = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    if by is None:
        openssl(*new, "-x509", "-days", "2", "-keyout", key, "-out", certificate)
        return
    request, names = str(folder / f"{name}.csr"), folder / f"{name}.txt"
    names.write_text("subjectAltName=DNS:localhost")
    openssl(*new, "-keyout", key, "-out", request)
    authority = ["-CA", str(folder / f"{by}.pem"), "-CAkey", str(folder / f"{by}.key"), "-CAcreateserial"]
    openssl("x509", "-req", "-days", "2", "-in", request, *authority, "-extfile", str(names), "-out", certificate)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl")
    made = tmp_path_factory.mktemp("certificates")
    signed(made, "ours")
    signed(made, "others")
    signed(made, "server", by="ours")
    signed(made, "client", by="ours")
    return made


def server_of(folder: Path, *, asks: bool = False) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    if asks:
        context.load_verify_locations(folder / "ours.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


async def test_a_server_of_ones_own_authority_is_trusted(folder: Path) -> None:
    tls = {"ca": str(folder / "ours.pem")}
    async with service({"a": 1}, tls=server_of(folder)) as served, asking(served.url, tls=tls) as caller:
        assert await caller.feed({}) == {"success": [{"a": 1}]}


@pytest.mark.parametrize("authority", [None, "others"])
async def test_a_server_nobody_vouches_for_is_an_outage(folder: Path, authority: str | None) -> None:
    tls = {"ca": str(folder / f"{authority}.pem")} if authority else None
    async with service({}, tls=server_of(folder)) as served, asking(served.url, tls=tls) as caller:
        await caller.begin({})
        await caller.retrying("shows a certificate that is not trusted: ")
    assert served.asked == []


async def test_another_name_than_that_of_the_certificate_is_an_outage(folder: Path) -> None:
    tls = {"ca": str(folder / "ours.pem")}
    async with (
        service({}, tls=server_of(folder)) as served,
        asking(served.url.replace("localhost", "127.0.0.1"), tls=tls) as caller,
    ):
        await caller.begin({})
        await caller.retrying("shows a certificate that is not trusted: IP address mismatch")


async def test_a_server_may_go_unlooked_at(folder: Path) -> None:
    async with (
        service({"a": 1}, tls=server_of(folder)) as served,
        asking(served.url, tls={"verify": False}) as caller,
    ):
        assert await caller.feed({}) == {"success": [{"a": 1}]}


async def test_who_asks_shows_a_certificate(folder: Path) -> None:
    tls = {"ca": "ours.pem", "certificate": "client.pem", "private_key": "client.key"}
    files = {name: str(folder / file) for name, file in tls.items()}
    async with service({"a": 1}, tls=server_of(folder, asks=True)) as served:
        async with asking(served.url, tls=files) as caller:
            assert await caller.feed({}) == {"success": [{"a": 1}]}
        async with asking(served.url, tls={"ca": files["ca"]}) as caller:
            await caller.begin({})
            await caller.retrying(served.url[:-1])


async def test_a_server_that_does_not_speak_tls_is_an_outage() -> None:
    async with service({}) as served, asking(served.url.replace("http:", "https:")) as caller:
        await caller.begin({})
        await caller.retrying("cannot be reached")
