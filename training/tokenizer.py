"""The tokenizer: byte-level byte pair encoding, as GPT-2 does it, with 1536 tokens.

It starts from the 256 bytes, so every text can be written in tokens, and adds the pairs that are
most frequent in the corpus until the vocabulary is full. Three special tokens mark the turns of a
conversation (ChatML). Training the vocabulary takes a second; nothing here knows the model.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

END_OF_TEXT = "<|endoftext|>"  # id 0, also the padding
TURN_START = "<|im_start|>"  # id 1
TURN_END = "<|im_end|>"  # id 2: the model says it when its answer is complete
SPECIAL = [END_OF_TEXT, TURN_START, TURN_END]
PAD_ID, START_ID, END_ID = 0, 1, 2

# What llama.cpp, LM Studio and every other runner use to turn a list of messages into text.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message['role'] + '\\n' + message['content'] + '<|im_end|>' + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}"
)


def train_tokenizer(texts: Iterable[str], vocab: int) -> Tokenizer:
    """Learns a vocabulary of `vocab` tokens from the texts; the same texts give the same one."""
    tokenizer = Tokenizer(models.BPE())
    # The GPT-2 splitting rule: llama.cpp knows it under the name "gpt-2".
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=vocab,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def encode_turn(tokenizer: Tokenizer, role: str, text: str) -> tuple[list[int], list[int]]:
    """One message in ChatML: the ids before the text, and the ids of the text with its end."""
    head = [START_ID, *tokenizer.encode(f"{role}\n").ids]
    body = [*tokenizer.encode(text).ids, END_ID]
    return head, body


def encode_prompt(tokenizer: Tokenizer, messages: Sequence[tuple[str, str]]) -> list[int]:
    """The ids of a conversation of (role, text), ready for the assistant to speak."""
    newline = tokenizer.encode("\n").ids
    ids: list[int] = []
    for role, text in messages:
        head, body = encode_turn(tokenizer, role, text)
        ids += head + body + newline
    return [*ids, START_ID, *tokenizer.encode("assistant\n").ids]
