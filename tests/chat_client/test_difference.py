"""Where two answers part."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from chat_client import first_difference, parting


def test_known_cases() -> None:
    assert first_difference(["A", " cat"], ["A", " dog"]) == 1
    assert first_difference("same", "same") is None
    assert first_difference("long", "longer") == 4
    assert first_difference("", "x") == 0
    assert parting("A black cat", "A blue cat") == ("A ", "black cat", "blue cat")
    assert parting("same", "same") is None


@given(st.text(alphabet="ab \n"), st.text(alphabet="ab \n"))
def test_what_is_shared_and_what_is_not_make_the_whole(a: str, b: str) -> None:
    parts = parting(a, b)
    assert (parts is None) == (a == b)
    if parts is not None:
        same, left, right = parts
        assert (same + left, same + right) == (a, b)
