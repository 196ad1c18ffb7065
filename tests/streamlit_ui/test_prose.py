"""What a model writes may format the page, but not fetch from anywhere or paint it."""

from __future__ import annotations

import pytest

from streamlit_ui.prose import for_page


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("See ![cat](http://evil.example/c.png).", "See [cat](http://evil.example/c.png)."),
        ("![a][1]\n\n[1]: http://evil.example", "[a][1]\n\n[1]: http://evil.example"),
        ("It costs $5 or $10.", r"It costs \$5 or \$10."),
        ("Take $x^2$ here.", "Take $x^2$ here."),
        ("$$\nx = 1\n$$", "$$\nx = 1\n$$"),
        ("A :red[warning] and :material/home:", r"A \:red[warning] and \:material/home:"),
        ("Wow! [link](x) stays", "Wow! [link](x) stays"),
    ],
)
def test_outside_code_it_is_made_harmless(written: str, shown: str) -> None:
    assert for_page(written) == shown


@pytest.mark.parametrize(
    "code",
    [
        "`![x](y) $5 :red[z]`",
        "``a ` ![x](y)``",
        "```\n![x](y) $1 $2\n```",
        "~~~sh\necho $HOME ![x](y)\n~~~",
        "```\nstill streaming $HOME ![x](y)",
    ],
)
def test_code_is_left_alone(code: str) -> None:
    assert for_page(code) == code
