"""One running llama.cpp: the `xllamacpp.Server` of one loaded model.

llama.cpp listens on a random loopback port with a random key, so that only this process talks to
it. xllamacpp reports every failure in the same words; the likely causes are therefore looked for
beforehand (`card` checks the file, `check_memory` the memory).
"""

from __future__ import annotations

import asyncio
import secrets
import time
from dataclasses import dataclass
from pathlib import Path

import xllamacpp

from engine.card import Card
from engine.errors import EngineError

# What llama.cpp needs beside weights and KV cache: compute buffers, vocabulary, sockets.
WORKING_BYTES = 64 * 1024 * 1024
QUIET, CHATTY = -1, 3


@dataclass(frozen=True, slots=True)
class LoadConfig:
    """How a model is loaded. `context_length` is that of one prediction, in tokens."""

    context_length: int
    parallel: int
    threads: int
    verbose: bool = False


class Llama:
    """A loaded model with its HTTP address. `stop` frees its memory."""

    def __init__(self, server: xllamacpp.Server, key: str, load_time_s: float) -> None:
        self._server: xllamacpp.Server | None = server
        self.url = str(server.listening_address)
        self.headers = {"Authorization": f"Bearer {key}"}
        self.load_time_s = load_time_s

    @classmethod
    async def start(cls, card: Card, config: LoadConfig) -> Llama:
        """Loads the model, off the event loop; raises EngineError in words."""
        check_memory(card, config)
        key = secrets.token_urlsafe(32)
        begin = time.perf_counter()
        try:
            server = await asyncio.to_thread(xllamacpp.Server, parameters(card, config, key))
        except (RuntimeError, ValueError) as error:
            raise EngineError(
                f"llama.cpp cannot load {card.path} (architecture {card.architecture!r}): the file "
                "is damaged, or its architecture is newer than this llama.cpp. "
                "ENGINE_VERBOSE=1 shows llama.cpp's own reason."
            ) from error
        return cls(server, key, time.perf_counter() - begin)

    async def stop(self) -> None:
        """Stops llama.cpp and frees the model; a second call does nothing."""
        if self._server is not None:
            await asyncio.to_thread(self._drop)

    def _drop(self) -> None:
        # The destructor is the only way to stop an xllamacpp.Server.
        self._server = None


def parameters(card: Card, config: LoadConfig, key: str) -> xllamacpp.CommonParams:
    """llama.cpp's parameters for one model."""
    p = xllamacpp.CommonParams()
    p.model.path = str(card.path)
    p.hostnames, p.port, p.api_keys = ["127.0.0.1"], 0, [key]
    p.n_ctx = config.context_length * config.parallel
    p.n_parallel = config.parallel
    p.cpuparams.n_threads = p.cpuparams_batch.n_threads = config.threads
    # Enough for every slot, a caller beside each and our own look at /slots.
    p.n_threads_http = 2 * config.parallel + 2
    # Without this llama.cpp would keep up to 8 GiB of old prompts in memory.
    p.cache_ram_mib = 0
    p.sse_ping_interval = -1
    p.endpoint_slots = True
    p.fit_params = p.ui = False
    p.verbosity = CHATTY if config.verbose else QUIET
    # An input to embed must fit into one batch.
    p.embedding = True
    if card.embedding or card.context_length <= 2048:
        p.n_batch = p.n_ubatch = min(config.context_length, 2048)
    if not card.embedding:
        p.pooling_type = xllamacpp.llama_pooling_type.LLAMA_POOLING_TYPE_MEAN
    return p


def check_memory(card: Card, config: LoadConfig) -> None:
    """Raises EngineError when weights and KV cache do not fit into the memory there is."""
    cache = card.cache_bytes(config.context_length * config.parallel)
    needed = card.size_bytes + cache + WORKING_BYTES
    available = available_bytes()
    if available is not None and needed > available:
        raise EngineError(
            f"{card.path.name} needs about {_gb(needed)} of memory "
            f"(weights {_gb(card.size_bytes)}, KV cache {_gb(cache)}) "
            f"but {_gb(available)} are free: take a smaller quantization, or lower "
            "ENGINE_CONTEXT_LENGTH or ENGINE_PARALLEL."
        )


def available_bytes(
    meminfo: Path = Path("/proc/meminfo"), limit: Path = Path("/sys/fs/cgroup/memory.max")
) -> int | None:
    """Free memory: what Linux calls available, or the container's limit where that is less."""
    found = []
    try:
        lines = dict(line.split(":", 1) for line in meminfo.read_text().splitlines())
        found.append(int(lines["MemAvailable"].split()[0]) * 1024)
        found.append(int(limit.read_text()))
    except (OSError, KeyError, ValueError):
        pass  # No Linux, or a limit of "max".
    return min(found, default=None)


def _gb(size_bytes: int) -> str:
    return f"{size_bytes / 1e9:.1f} GB" if size_bytes >= 1e8 else f"{size_bytes / 1e6:.0f} MB"
