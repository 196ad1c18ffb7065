"""The shape of a conversation: messages that name their parent.

Owns pure questions about that tree. Siblings are versions of the same turn; their order is that in
which they came. Nothing here recurses: a tree may be a line of thousands.
"""

from __future__ import annotations

from collections.abc import Mapping

Parents = Mapping[str, str | None]  # id → parent's id, in the order in which they came


class BrokenTree(Exception):
    """A parent that does not exist, or a circle."""


def path_to(leaf: str | None, parents: Parents) -> list[str]:
    """The ids from the first message to `leaf`."""
    path: list[str] = []
    step = leaf
    while step is not None:
        if step not in parents or len(path) > len(parents):
            raise BrokenTree(step)
        path.append(step)
        step = parents[step]
    return path[::-1]


def latest_leaf(message: str, parents: Parents) -> str:
    """The leaf below `message` that following the latest child at each step leads to."""
    latest_child = {parent: child for child, parent in parents.items()}
    leaf = message
    while (child := latest_child.get(leaf)) is not None:
        leaf = child
    return leaf


def siblings(message: str, parents: Parents) -> list[str]:
    """All versions of a message, itself among them, in order."""
    return [other for other, parent in parents.items() if parent == parents[message]]


def parents_first(parents: Parents) -> list[str]:
    """The ids, each after its parent, else in their order; what hangs on nothing is left out."""
    placed: dict[str, None] = {}
    waiting: dict[str, list[str]] = {}
    for message, parent in parents.items():
        if parent is not None and parent not in placed:
            waiting.setdefault(parent, []).append(message)
            continue
        ready = [message]
        for each in ready:  # the list grows while it is read
            placed[each] = None
            ready.extend(waiting.pop(each, ()))
    return list(placed)
