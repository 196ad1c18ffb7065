"""The one error of this package: something that a person must put right."""

from __future__ import annotations


class LaunchError(Exception):
    """Ends the command; the message says what was wrong and what to do, and is printed alone."""
