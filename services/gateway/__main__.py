"""`python -m gateway` serves; `python -m gateway keys …` is the command line.

Each of the two imports only what it needs: a server keeps the command line's libraries for ever.
"""

import sys

if __name__ == "__main__":
    if len(sys.argv) > 1:
        from gateway.cli import cli

        cli(prog_name="lectern")
    else:
        from gateway.server import main

        main()
