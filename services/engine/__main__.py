"""`python -m engine`: reads the settings, takes the port, loads the models, serves until SIGTERM.

Logs go to standard error. Whatever keeps it from starting is one sentence there and exit code 1.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
import time
from types import FrameType

import uvicorn
from fastapi import FastAPI

from engine.app import make_app, opened
from engine.errors import EngineError
from engine.settings import EngineSettings, load_settings

# How long running answers may go on after SIGTERM.
STOP_WITHIN_S = 2.0
log = logging.getLogger("engine")


def main() -> int:
    """Runs the engine; returns the exit code."""
    begin = time.perf_counter()
    _log_to_stderr()
    # While it serves, uvicorn takes these over, and hands the one that stopped it back to them.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        settings = load_settings()
        listening = _listen(settings)
        app = make_app(settings)
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(app, settings, listening, begin))
    except EngineError as error:
        print(f"The engine cannot start. {error}", file=sys.stderr)  # noqa: T201
        return 1
    except SystemExit:  # of `_stop`
        pass
    return 0


async def _serve(
    app: FastAPI, settings: EngineSettings, listening: socket.socket, begin: float
) -> None:
    config = uvicorn.Config(
        app,
        http="httptools",
        ws="none",
        lifespan="off",  # `opened` below is the lifespan, so that its errors stay sentences
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=1,  # for connections whose caller reads nothing
    )
    async with opened(app):
        listening.listen(config.backlog)
        log.info(
            "listening url=http://%s:%d models=%s tokens_per_second=%g started_in=%.2fs",
            *(settings.bind_addr, settings.engine_port),
            ",".join(instance.id for instance in app.state.catalogue.instances),
            *(settings.tokens_per_second, time.perf_counter() - begin),
        )
        await _Server(config).serve(sockets=[listening])


class _Server(uvicorn.Server):
    """Lets running answers finish for a moment, then ends them, so that stopping is quick."""

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        log.info("stopping")
        app: FastAPI = self.config.app  # type: ignore[assignment]  # it is ours
        for server in self.servers:
            server.close()
        await app.state.catalogue.close(STOP_WITHIN_S)
        await super().shutdown(sockets)


def _listen(settings: EngineSettings) -> socket.socket:
    """Takes the port before the models are loaded; raises EngineError when it is taken."""
    where = f"{settings.bind_addr}:{settings.engine_port}"
    try:
        info = socket.getaddrinfo(
            settings.bind_addr, settings.engine_port, type=socket.SOCK_STREAM
        )[0]
        sock = socket.socket(*info[:3])  # with its protocol, or asyncio would not set TCP_NODELAY
        if sys.platform != "win32":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(info[4])
    except socket.gaierror as error:
        raise EngineError(f"BIND_ADDR={settings.bind_addr!r} is no address of this machine.") from (
            error
        )
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise EngineError(
                f"Port {settings.engine_port} of {settings.bind_addr} is taken (LM Studio?): stop "
                "what listens there, or set ENGINE_PORT to a free one."
            ) from error
        raise EngineError(
            f"{where} (BIND_ADDR, ENGINE_PORT) cannot be listened on: {error.strerror}."
        ) from error
    return sock


def _stop(_number: int, _frame: FrameType | None) -> None:
    # Impatience must not turn a clean end into a crash. No SIG_IGN: for a signal that another
    # thread is just taking, Python would print that it was "ignored due to race condition".
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    raise SystemExit(0)


def _loop_factory() -> type[asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.Loop


def _log_to_stderr() -> None:
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s %(levelname)s %(name)s %(message)s",
        datefmt="%Y-%m-%dT%H:%M:%SZ",
    )
    logging.Formatter.converter = time.gmtime
    # uvicorn's own lines say nothing that ours do not; httpx is huggingface_hub's.
    for name in ("uvicorn.error", "httpx", "httpx2", "gguf"):
        logging.getLogger(name).setLevel(logging.WARNING)


if __name__ == "__main__":
    code = main()
    logging.shutdown()
    # Not sys.exit: the interpreter's end puts the default handlers back, and one more SIGTERM
    # would then make a crash of it.
    os._exit(code)
