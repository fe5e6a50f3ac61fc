"""Questions that people ask of training, each with commands whose output holds the answer: ``docs/answers/``.

`docs/generate.py` writes the pages; tests/answers/test_training_answers.py holds each output to what it must say.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from textwrap import fill
from typing import NamedTuple

FOLDER = Path(__file__).parent / "answers"
BERT = "docs/answers/bert-base-mlm"


class Asked(NamedTuple):
    """A question: its page, the answer, its source, and commands, each with what its output holds."""

    page: str
    question: str
    answer: str
    source: str
    commands: tuple[tuple[str, tuple[str, ...]], ...]


QUESTIONS = (
    Asked(
        "qlora-fp32-embeddings",
        "How much do input and output embeddings in fp32 cost in QLoRA?",
        "Four bytes in place of two for each element of both tables: 151,936 x 5,120 x 2 matrices x 2 bytes are "
        "3.1 GB. peft's preparation casts them, and what is computed from them, to fp32; TRL's leaves them in "
        "bf16.",
        "github.com/huggingface/trl pull 4335",
        (
            ("train qwen3-14b --method qlora --checkpointing full", ("6.22 GB", "saves 3.11 GB")),
            ("train qwen3-14b --method qlora --checkpointing full --kbit-prepare none", ("would add 3.11 GB",)),
        ),
    ),
    Asked(
        "full-7b-on-a100",
        "Does a 7B model fit one A100-80GB for full fine-tuning with AdamW?",
        "Not with fp32 weights and states: 16 bytes a parameter are 107.8 GB (100.41 GiB) before activations. All "
        "in bf16 it does. Two cards do as well with ZeRO.",
        "github.com/tatsu-lab/stanford_alpaca issue 56",
        (
            ("train llama-7b --method full --gpu a100-80gb", ("No: LLaMA 7B by full",)),
            ("train llama-7b --method full", ("100.41",)),
            ("train llama-7b --method full --precision bf16 --gpu a100-80gb", ("Yes: LLaMA 7B by full",)),
            ("train llama-7b --method full --gpu a100-80gb --count 2", ("Yes: LLaMA 7B by full", "ZeRO")),
        ),
    ),
    Asked(
        "zero-3-and-long-sequences",
        "Why does ZeRO-3 over eight cards of 24 GB not save a run of 20,480 tokens?",
        "ZeRO divides parameters, gradients and states. Logits and activations of a sequence stay on each card: "
        "20,480 x 151,936 x 4 bytes are 12.4 GB a copy, two to three copies at the peak. Cut the sequence (CP), "
        "or make no logits.",
        "github.com/huggingface/trl issue 4585",
        (
            (
                'train qwen3-0.6b --gpu "8x a10g" --seq 20480 --zero 3 --tp 1 --pp 1 --cp 1 --checkpointing full',
                ("12.45 GB a copy in fp32", "ZeRO divides none of them"),
            ),
            ("train qwen3-0.6b --gpu a10g --method full --seq 20480", ("No: Qwen3-0.6B", "--loss cut")),
            ('train qwen3-0.6b --gpu "8x a10g" --seq 20480 --zero 3', ("Yes: Qwen3-0.6B", "CP")),
        ),
    ),
    Asked(
        "mixtral-all-linear",
        "Why does all-linear train other counts on Mixtral with new versions of peft and transformers?",
        "transformers 5 holds gate and up of all experts in one tensor, and peft doubles the rank there: "
        "359,665,664 instead of 240,123,904 of separate matrices. The names q_proj to down_proj reach attention "
        "alone.",
        "counted with peft 0.21.2 on transformers 5.23.0",
        (
            (
                "train mixtral-8x7b --method lora --lora-rank 16 --lora-targets all-linear",
                ("359,665,664", "twice the rank (32)"),
            ),
        ),
    ),
    Asked(
        "lora-on-bert",
        "Why does LoRA on BERT save only a fifth of the memory, though 0.3 % is trained?",
        "A small model with a large batch is nearly all activations, which adapters do not spare: gradients must "
        "flow through. Training the last layer alone does, and so do checkpoints.",
        "github.com/huggingface/peft issue 1469",
        (
            (f"train {BERT} --precision bf16 --micro-batch 64 --seq 512", ("11.12", "15.46")),
            (f"train {BERT} --method lora --micro-batch 64 --seq 512", ("9.88", "13.81", "Activations are 72%")),
            (f"train {BERT} --method freeze --train-layers last:1 --micro-batch 64 --seq 512", ("2.71", "6.66")),
        ),
    ),
    Asked(
        "checkpointing-and-the-step",
        "Does gradient checkpointing lower the peak of a full fine-tune with AdamW?",
        "Not where the step is the peak: Llama-2-7B at 2,048 tokens holds 50.2 GiB (53.9 GB) with and without. "
        "LoRA has no such step: 30.5 GiB become 14.3.",
        "traced from the real classes: tests/truth/training_activations.json",
        (
            ("train llama-2-7b --precision bf16", ("50.22",)),
            ("train llama-2-7b --precision bf16 --checkpointing full", ("50.22",)),
            ("train llama-2-7b --method lora --lora-rank 16 --lora-targets all-linear", ("30.49",)),
            (
                "train llama-2-7b --method lora --lora-rank 16 --lora-targets all-linear --checkpointing full",
                ("14.26",),
            ),
        ),
    ),
    Asked(
        "dpo-memory",
        "Does DPO need twice the memory of SFT?",
        "Training all of it: a frozen reference besides, 2 bytes a parameter, and two sequences in a step. With "
        "LoRA the reference is the same model with adapters off, 0 bytes. Log-probabilities computed before: 0 "
        "bytes.",
        "github.com/huggingface/trl issues 624 and 1263, pull 5542",
        (
            ("train llama-3-8b --precision bf16 --objective dpo", ("frozen copy of 14.96 GiB",)),
            ("train llama-3-8b --method lora --objective dpo", ("adapters off, 0 bytes",)),
            ("train llama-3-8b --precision bf16 --objective dpo --precompute-ref", ("not there while training",)),
        ),
    ),
    Asked(
        "chinchilla-tokens-a-parameter",
        "Chinchilla's coefficients give 50 to 90 tokens a parameter, not 20. Which is right?",
        "The printed parametric fit disagrees with the paper's other approaches: 92.6 at 5.76e23 FLOP, where its "
        "table has 20 to 22 and the refit of 2024 gives 18.4.",
        "arXiv:2203.15556, arXiv:2404.10102",
        (("scaling --flops 5.76e23", ("92.6", "18.4", "22.4")),),
    ),
    Asked(
        "dies-after-some-steps",
        "Why does training die after some steps and not at once?",
        "Memory goes with the longest example, not with the mean, and states are there from the second step on: "
        "the most of any step lies above the peaks of the first. Ask for the longest sequence, or pad to it in a "
        "dry run.",
        "github.com/huggingface/peft issue 832, github.com/ml-explore/mlx issue 1406",
        (
            ("train qwen3-0.6b --precision bf16 --seq 512", ("Most in any step", "5.16")),
            ("train qwen3-0.6b --precision bf16 --seq 8k", ("Most in any step", "32.66")),
        ),
    ),
    Asked(
        "qlora-on-a-jetson",
        "Does Mistral-7B by QLoRA fit a Jetson of 8 GB, where peft's preparation adds 1 GB?",
        "Only with short sequences and checkpoints: 4 GB of NF4, embeddings and head 1.07 GB in fp32 or 0.54 in "
        "bf16, and 0.4 to 1.9 GiB of context and allocator.",
        "github.com/huggingface/peft issue 3265",
        (
            (
                "train mistral-7b-v0.3 --method qlora --gpu jetson-orin-nano --seq 512 --checkpointing full",
                ("Yes: Mistral 7B v0.3", "1.07 GB", "saves 0.54 GB"),
            ),
            ("train mistral-7b-v0.3 --method qlora --gpu jetson-orin-nano --seq 4k --checkpointing full", ("No: ",)),
        ),
    ),
)


def page(asked: Asked, printed: Callable[[list[str]], str]) -> str:
    """A whole page; `printed` says what a command prints."""
    lines = [f"# {asked.question}", "", fill(asked.answer, 118), ""]
    for command, _ in asked.commands:
        lines += ["```console", f"$ llmscale {command}", printed(shlex.split(command)), "```", ""]
    return "\n".join([*lines, f"Source of the question and of what is known: {asked.source}.", ""])


def pages(printed: Callable[[list[str]], str]) -> dict[Path, str]:
    """All pages."""
    return {FOLDER / f"{asked.page}.md": page(asked, printed) for asked in QUESTIONS}
