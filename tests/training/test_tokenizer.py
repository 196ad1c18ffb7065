"""The tokenizer gives every text back unchanged and keeps the turns of a conversation apart."""

from __future__ import annotations

import pytest

from tests.training.pytorch import TEXTS, need_pytorch

pytestmark = pytest.mark.torch

STRANGE = [
    "",
    " two  spaces\tand a tab\n\n",
    "Grüße aus Köln, naïve café",
    "日本語とemoji 🙂🚀",
    "don't 1234567 http://127.0.0.1:1234/v1",
    "".join(map(chr, range(1, 600))),
]


@pytest.mark.parametrize("text", STRANGE)
def test_every_text_comes_back_unchanged(text: str) -> None:
    need_pytorch()
    from training.tokenizer import train_tokenizer

    tokenizer = train_tokenizer(TEXTS, 300)

    assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_every_single_byte_has_a_token() -> None:
    need_pytorch()
    from training.tokenizer import SPECIAL, train_tokenizer

    vocabulary = train_tokenizer(["a"], 300).get_vocab()

    assert len(vocabulary) == len(SPECIAL) + 256


def test_the_same_texts_give_the_same_vocabulary() -> None:
    need_pytorch()
    from training.tokenizer import train_tokenizer

    assert train_tokenizer(TEXTS, 320).to_str() == train_tokenizer(TEXTS, 320).to_str()


def test_a_prompt_ends_where_the_assistant_speaks() -> None:
    need_pytorch()
    from training.tokenizer import START_ID, encode_prompt, train_tokenizer

    tokenizer = train_tokenizer(TEXTS, 300)
    ids = encode_prompt(tokenizer, [("system", "Be brief."), ("user", "Hello")])

    assert ids.count(START_ID) == 3
    text = tokenizer.decode(ids, skip_special_tokens=False)
    assert text == (
        "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nHello<|im_end|>\n"
        "<|im_start|>assistant\n"
    )
