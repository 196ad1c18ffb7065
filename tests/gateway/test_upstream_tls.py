"""The connection to a model server behind https: verified, and as strict as without."""

from __future__ import annotations

import asyncio
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from gateway.errors import ModelServerAway, ModelServerCut
from gateway.settings import GatewaySettings
from gateway.upstream import Answer, Upstream
from tests.running import missing


def make_certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for localhost, signed by itself, and its key."""
    program = shutil.which("openssl")
    if program is None:
        missing("openssl", "install it to make a certificate for the tests")
    certificate, key = folder / "certificate.pem", folder / "key.pem"
    command = [program, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"]
    command += ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    command += ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    return certificate, key


@asynccontextmanager
async def tls_server(folder: Path, reply: bytes) -> AsyncIterator[str]:
    """Answers every request with `reply` and closes; its certificate is in `folder`."""
    certificate, key = make_certificate(folder)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(reply)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    async with server:
        yield f"https://localhost:{server.sockets[0].getsockname()[1]}"


def settings(url: str) -> GatewaySettings:
    return GatewaySettings.model_validate({"lmstudio_url": url, "gateway_answer_timeout_s": 5})


async def test_a_trusted_certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
    async with tls_server(tmp_path, reply) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with Upstream(settings(url)) as upstream:
            answer = await upstream.open("GET", "/", {}, b"")
            assert await answer.read() == b"hello"
            assert await answer.read() == b""
            answer.release()


async def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    async with tls_server(tmp_path, b"") as url, Upstream(settings(url)) as upstream:
        with pytest.raises(ModelServerAway, match="trusted TLS connection"):
            await upstream.open("GET", "/", {}, b"")
        for _ in range(20):
            await asyncio.sleep(0)
        assert "[0 open, 0 idle]" in repr(upstream)


async def test_a_certificate_for_another_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with tls_server(tmp_path, b"") as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with Upstream(settings(url.replace("localhost", "127.0.0.1"))) as upstream:
            with pytest.raises(ModelServerAway, match="valid for the name"):
                await upstream.open("GET", "/", {}, b"")


async def test_a_cut_over_tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"
    async with tls_server(tmp_path, reply) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with Upstream(settings(url)) as upstream:
            answer = await upstream.open("GET", "/", {}, b"")
            assert await answer.read() == b"hello"
            with pytest.raises(ModelServerCut):
                await answer.read()
            answer.abort()


async def test_leaving_at_any_moment_of_a_handshake_leaks_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    async with tls_server(tmp_path, reply) as url:
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
        async with Upstream(settings(url)) as upstream:
            steps, left = 0, 0
            while True:
                work = asyncio.create_task(upstream.open("GET", "/", {}, b""))
                for _ in range(steps):
                    await asyncio.sleep(0)
                work.cancel()
                (result,) = await asyncio.gather(work, return_exceptions=True)
                if isinstance(result, Answer):
                    result.abort()
                    break
                assert isinstance(result, asyncio.CancelledError), result
                left += 1
                steps += 1 + steps // 10
            assert left > 5
            for _ in range(50):
                await asyncio.sleep(0)
            assert "[0 open, 0 idle]" in repr(upstream)
