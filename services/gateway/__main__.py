"""`python -m gateway` serves; `python -m gateway keys …` is the command line."""

from gateway.cli import cli

if __name__ == "__main__":
    cli(prog_name="lectern")
