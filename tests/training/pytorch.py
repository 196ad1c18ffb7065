"""What the tests of the training code share: a clear word when PyTorch is missing, a toy model.

The toy is random, so its answers mean nothing; the tests compare what two programs make of it.
"""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from tests.running import missing

if TYPE_CHECKING:
    from tokenizers import Tokenizer

    from training.model import Llama

TEXTS = ["What is a token? A token is a piece of text.", "user assistant system", "größer 日本 🙂"]


def need_pytorch() -> None:
    """Skips here, or fails in CI, when PyTorch is not installed."""
    for module, part, how in (
        ("torch", "PyTorch", "pip install torch==2.13.0"),
        ("tokenizers", "tokenizers", "pip install -r training/requirements.txt"),
    ):
        if importlib.util.find_spec(module) is None:
            missing(part, how)


def toy() -> tuple[Llama, Tokenizer]:
    """A random model of two layers, its weights large enough for clear preferences."""
    import torch

    from training.model import Config, Llama
    from training.tokenizer import train_tokenizer

    torch.manual_seed(1)
    tokenizer = train_tokenizer(TEXTS * 3, 300)
    config = Config(
        vocab=tokenizer.get_vocab_size(), dim=64, layers=2, heads=2, hidden=128, context=128
    )
    model = Llama(config)
    with torch.no_grad():
        for weight in model.parameters():
            if weight.ndim == 2:
                weight.mul_(6.0)
    return model.eval(), tokenizer
