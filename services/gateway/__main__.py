"""`python -m gateway` serves; `python -m gateway keys …` is the command line.

Each of the two imports only what it needs: a server keeps the command line's libraries for ever.
"""

import os
import sys
from types import SimpleNamespace

if __name__ == "__main__":
    # Code that another package registers with pydantic would run with every model; none is wanted.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # uvloop resolves names in threads of libuv's, once a moment: one is enough, four take memory.
    os.environ.setdefault("UV_THREADPOOL_SIZE", "1")
    if len(sys.argv) > 1:
        from gateway.cli import cli

        cli(prog_name="lectern")
    else:
        # uvicorn's package loads its command line, its reloader and click: 1 MB nobody uses here.
        unused = SimpleNamespace(Server=None, main=None, run=None)
        sys.modules["uvicorn.main"] = unused  # type: ignore[assignment]  # in a module's place
        if not os.environ.get("LIMITS_URL"):  # else one of its asynchronous storages is used
            sys.modules["limits.aio"] = unused  # type: ignore[assignment]

        from gateway.server import main

        main()
