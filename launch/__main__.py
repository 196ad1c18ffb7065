"""`python3 -m launch WORD`: the words behind `make`, one function each.

Talk goes to standard error, so that what a word is asked for (a key) is alone on standard output.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from launch.catalogue import BY_NAME, FRONTS, Service
from launch.commands import Commands
from launch.compose import Compose, container_on, docker_problem
from launch.errors import LaunchError
from launch.health import is_healthy
from launch.locks import lock
from launch.model_server import probe
from launch.native import Native
from launch.ports import Holder, Taken, holder_of, is_taken
from launch.report import table
from launch.runtime import Found, Runtime, choose
from launch.settings import Settings, read_settings
from launch.start import Launcher, demo_key, lectern, new_key, status
from launch.testing import check, run_tests, take_pictures

ROOT = Path(__file__).resolve().parent.parent
WORDS = {
    "demo": "start both web UIs and the gateway, and print where they are",
    "streamlit": "start the Streamlit UI and what it needs",
    "gradio": "start the Gradio UI and what it needs",
    "gateway": "start the gateway and what it needs",
    "down": "stop everything (keys and usage are kept)",
    "status": "say what runs, and whether it is healthy",
    "logs": "follow the logs (Ctrl-C ends it)",
    "key": "print a new key of the gateway: make key NAME=ana",
    "demo-key": "print the demo key",
    "lectern": 'the gateway\'s own commands: make lectern ARGS="keys list"',
    "test": "run every test that this machine can run",
    "check": "lint, check types, test",
    "pictures": "take the pictures of docs/pictures.md anew",
    "lock": "resolve all dependencies anew",
    "help": "list these words",
}


def main(arguments: Sequence[str]) -> int:
    """Runs one word; the exit code, 1 with a plain message for what a person must put right."""
    word, *rest = arguments or ["help"]
    commands = Commands(ROOT)
    try:
        return _run(word, rest, commands)
    except LaunchError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Interrupted.")
        return 130


def _run(word: str, rest: Sequence[str], commands: Commands) -> int:
    if word == "test":
        return run_tests(commands, say, rest)
    if word == "check":
        return check(commands, say, rest)
    if word == "pictures":
        return take_pictures(commands, say, rest)
    if word == "lock":
        lock(commands, say)
        return 0
    if word not in WORDS or word == "help":
        print(table([(f"make {name}", line) for name, line in WORDS.items()]))
        return 0 if word == "help" else 2
    settings = read_settings(ROOT, os.environ)
    if word == "down":
        return _down(commands, settings)
    runtime, line = _runtime(commands, settings)
    if word == "demo" or word in BY_NAME:
        say(line)
        wanted: Sequence[Service] = FRONTS if word == "demo" else [BY_NAME[word]]
        taken, holder = _taken(settings), _holder(commands)
        Launcher(settings, runtime, probe, taken, holder, say, print).start(wanted)
        return 0
    return _ask(word, rest, settings, runtime)


def _ask(word: str, rest: Sequence[str], settings: Settings, runtime: Runtime) -> int:
    if word == "logs":
        return runtime.logs()
    if word == "status":
        rows = status(settings, runtime, is_healthy)
        print(f"Runtime: {runtime.title}")
        print(table(rows) if rows else "Nothing is running. Start it with: make demo")
    elif word == "demo-key":
        print(demo_key(runtime))
    elif word == "lectern":
        outcome = lectern(runtime, rest or ["--help"])
        print(outcome.out, end="")
        print(outcome.err, end="", file=sys.stderr)
    else:
        name = " ".join(rest).strip()
        if not name:
            raise LaunchError("Whose key shall it be? Write, for example: make key NAME=ana")
        print(new_key(runtime, name))
    return 0


def _runtime(commands: Commands, settings: Settings) -> tuple[Runtime, str]:
    native = Native(commands, settings, os.environ, say)
    forced = settings.forced_runtime
    problem = "" if forced == "native" else docker_problem(commands)
    name, line = choose(forced, Found(problem, native.is_running))
    if name == "native":
        return native, line
    return Compose(commands, settings, os.environ, say), line


def _down(commands: Commands, settings: Settings) -> int:
    stopped = Native(commands, settings, os.environ, say).stop()
    if settings.forced_runtime != "native" and not docker_problem(commands):
        stopped = Compose(commands, settings, os.environ, say).stop() or stopped
    say("Stopped. Keys and usage are kept." if stopped else "Nothing was running.")
    return 0


def _taken(settings: Settings) -> Taken:
    return lambda port: is_taken(port, settings.bind_addr)


def _holder(commands: Commands) -> Holder:
    # Who publishes a port for a container is named by the container, not by Docker's proxy.
    return lambda port: container_on(commands, port) or holder_of(port)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
