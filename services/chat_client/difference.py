"""Where two answers part, for a view that shows them side by side.

Owns the comparison alone; how it is drawn is the page's.
"""

from __future__ import annotations

from collections.abc import Sequence


def first_difference(a: Sequence[str], b: Sequence[str]) -> int | None:
    """The index of the first item (token of a list, character of a text) in which two differ.

    One that ends earlier differs where it ends; None for two that are the same.
    """
    for index, (left, right) in enumerate(zip(a, b, strict=False)):
        if left != right:
            return index
    return None if len(a) == len(b) else min(len(a), len(b))


def parting(a: str, b: str) -> tuple[str, str, str] | None:
    """What two texts share at first, and the rest of each, cut at a word's beginning.

    None for two that are the same.
    """
    index = first_difference(a, b)
    if index is None:
        return None
    while index > 0 and not a[index - 1].isspace():
        index -= 1
    return a[:index], a[index:], b[index:]
