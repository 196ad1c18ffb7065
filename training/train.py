"""Trains the teaching model on made-up conversations and saves a checkpoint.

    python -m training.train            # 3,000 steps, about 5.6 million tokens

The recipe: draw conversations from the corpus (`dialogues.py`), group those of similar length into
batches of about 2,000 tokens, Muon and AdamW, the learning rate warmed up and then lowered
linearly. The loss counts the assistant's words fully and everything else a little, so that the
model also learns what questions look like. Every draw is seeded: the same steps see the same
conversations.
"""

from __future__ import annotations

import argparse
import math
import random
import time
from collections import deque
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import asdict
from itertools import islice
from pathlib import Path

import torch
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional as F

from training.dialogues import Dialogue, Dialogues
from training.export import load_checkpoint
from training.model import Config, Llama
from training.tokenizer import PAD_ID, encode_turn, train_tokenizer

OUT = Path(__file__).resolve().parent / "out"
TOKENS_PER_BATCH = 2048
POOL = 512  # conversations drawn at a time, to be grouped by length
OTHERS_WEIGHT = 0.1  # of the tokens that the assistant does not say
WARMUP_STEPS = 40


def encode(tokenizer: Tokenizer, dialogue: Dialogue) -> tuple[list[int], list[float]]:
    """The ids of a conversation and how much the loss counts each of them."""
    ids: list[int] = []
    weights: list[float] = []
    newline = tokenizer.encode("\n").ids
    for role, text in dialogue:
        head, body = encode_turn(tokenizer, role, text)
        ids += head + body + newline
        said = 1.0 if role == "assistant" else OTHERS_WEIGHT
        weights += [OTHERS_WEIGHT] * len(head) + [said] * len(body) + [0.0] * len(newline)
    return ids, weights


def batches(
    dialogues: Dialogues, tokenizer: Tokenizer, context: int, rng: random.Random
) -> Iterator[tuple[Tensor, Tensor]]:
    """Endless (ids, weights), each (B, T): conversations of similar length, padded at the end."""
    while True:
        pool = [encode(tokenizer, dialogues.draw()) for _ in range(POOL)]
        pool = sorted((p for p in pool if len(p[0]) <= context), key=lambda p: len(p[0]))
        rows: list[list[tuple[list[int], list[float]]]] = [[]]
        for sample in pool:
            if (len(rows[-1]) + 1) * len(sample[0]) > TOKENS_PER_BATCH:
                rows.append([])
            rows[-1].append(sample)
        rng.shuffle(rows)
        for row in rows:
            longest = max(len(ids) for ids, _ in row)
            ids = [i + [PAD_ID] * (longest - len(i)) for i, _ in row]
            weights = [w + [0.0] * (longest - len(w)) for _, w in row]
            yield torch.tensor(ids), torch.tensor(weights)


def loss_of(model: Llama, ids: Tensor, weights: Tensor) -> Tensor:
    """The mean surprise, in nats per counted token, about each next token."""
    scores = model(ids[:, :-1])  # (B, T-1, V)
    each = F.cross_entropy(scores.flatten(0, 1).float(), ids[:, 1:].flatten(), reduction="none")
    counted = weights[:, 1:].flatten()
    return (each * counted).sum() / counted.sum()


def optimisers_of(model: Llama, rate: float) -> list[torch.optim.Optimizer]:
    """Muon for the matrices inside the layers, AdamW for the embedding and the norms."""
    matrices = [w for w in model.blocks.parameters() if w.ndim == 2]
    others = [w for n, w in model.named_parameters() if w.ndim == 1 or "embedding" in n]
    adjust = "match_rms_adamw"  # so that one learning rate fits both
    return [
        torch.optim.Muon(matrices, lr=rate, weight_decay=0.1, adjust_lr_fn=adjust),
        torch.optim.AdamW(others, lr=rate, betas=(0.9, 0.95), weight_decay=0.0, fused=True),
    ]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--minutes", type=float, default=math.inf, help="end sooner, by the clock")
    parser.add_argument("--rate", type=float, default=3e-3, help="highest learning rate")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=101)
    parser.add_argument("--fp32", action="store_true", help="no bf16 (for CPUs without it)")
    parser.add_argument("--start", type=Path, help="go on from this checkpoint (a second pass)")
    parser.add_argument("--out", type=Path, default=OUT / "lectern-101.pt")
    return parser.parse_args()


def beginner(dialogues: Dialogues) -> tuple[Llama, Tokenizer]:
    """A model that knows nothing yet, and a tokenizer made for what it will read."""
    tokenizer = train_tokenizer(dialogues.tokenizer_texts(), Config.vocab)
    return Llama(Config(vocab=tokenizer.get_vocab_size())), tokenizer


def main() -> None:
    args = arguments()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    dialogues = Dialogues(args.seed)
    model, tokenizer = load_checkpoint(args.start) if args.start else beginner(dialogues)
    model.train()
    optimisers = optimisers_of(model, args.rate)
    print(f"{model.parameter_count:,} parameters")

    started, tokens, recent = time.monotonic(), 0, deque[float](maxlen=25)
    stream = batches(dialogues, tokenizer, model.config.context, random.Random(args.seed))
    for step, (ids, weights) in enumerate(islice(stream, args.steps), start=1):
        minutes = (time.monotonic() - started) / 60
        left = 1 - max(step / (args.steps + 1), minutes / args.minutes)
        if left <= 0:
            break
        rate = args.rate * min(left, step / WARMUP_STEPS)
        for group in [group for o in optimisers for group in o.param_groups]:
            group["lr"] = rate
        with nullcontext() if args.fp32 else torch.autocast("cpu", torch.bfloat16):
            loss = loss_of(model, ids, weights)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        for optimiser in optimisers:
            optimiser.step()
            optimiser.zero_grad(set_to_none=True)
        tokens += ids.numel()
        recent.append(loss.item())
        if step % 25 == 0 or step == args.steps:
            mean = sum(recent) / len(recent)
            print(
                f"{minutes:5.1f} min  step {step:5}  {tokens:9,} tokens  loss {mean:.4f}",
                flush=True,
            )
    save(model, tokenizer, args.out)


def save(model: Llama, tokenizer: Tokenizer, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    state = {"config": asdict(model.config), "model": model.state_dict()}
    torch.save({**state, "tokenizer": tokenizer.to_str()}, path)


if __name__ == "__main__":
    main()
