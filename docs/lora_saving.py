"""Writes ``docs/answers/lora-saving.md``, each figure asked of the tool: ``python -m docs.lora_saving``."""

from __future__ import annotations

from pathlib import Path

from llmscale.answers.train import train
from llmscale.answers.train_memory import MemoryAsked

PAGE = Path(__file__).parent / "answers" / "lora-saving.md"
GIB = 2**30
CASES = (
    ("llama-2-7b", 512),
    ("llama-2-7b", 2048),
    ("llama-2-7b", 8192),
    ("llama-3-8b", 2048),
    ("llama-3-8b", 8192),
    ("qwen3-32b", 2048),
    ("llama-2-70b", 2048),
)
HEAD = """# LoRA saves 30-50 % of the memory?

Near 2,048 tokens, without checkpoints, against training all of the model in bf16: yes. With checkpoints more, against
fp32 weights with autocast more still; at long context without checkpoints next to nothing, since LoRA keeps *more* for
backward than full training: peft makes adapters in fp32, and each keeps an fp32 copy of its input.

Most in any step, GiB: batch 1, AdamW (fused), LoRA of rank 16 on all linear layers, adapters as peft makes them.

| model, tokens | full | LoRA | saves | full, ckpt | LoRA, ckpt | saves | of amp, ckpt | bf16 adapters | QLoRA, ckpt |
| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |
"""
TAIL = """
What moves: gradients and states all but go (6 bytes of 8 a parameter in bf16, 12 of 16 with fp32 weights); weights
stay; activations stay or grow. The levers are `--checkpointing full` and `--adapter-dtype bf16`; QLoRA takes what is
left of the weights to a quarter.

    llmscale train llama-2-7b --precision bf16 --seq 2048
    llmscale train llama-2-7b --method lora --lora-rank 16 --lora-targets all-linear --seq 2048 --checkpointing full
    llmscale train llama-2-7b --method qlora --lora-rank 16 --lora-targets all-linear --checkpointing full

Without the CUDA context and what the allocator rounds up. Written by `python -m docs.lora_saving`.
"""


def total(
    model: str, seq: int, again: bool, method: str = "full", precision: str = "bf16", adapter: str = "fp32"
) -> int:
    """Bytes at the most in any step."""
    asked = MemoryAsked(seq, checkpointing="full" if again else "none", adapter=adapter)
    lora = {"lora_rank": 16, "lora_targets": "all-linear"} if method != "full" else {}
    found = train(model, method=method, precision=precision, memory=asked, **lora).memory.total_bytes  # type: ignore[arg-type]
    return found or 0


def row(model: str, seq: int) -> str:
    """One line of the table."""
    full, lora = total(model, seq, False), total(model, seq, False, "lora")
    full_again, lora_again = total(model, seq, True), total(model, seq, True, "lora")
    amp, packed = total(model, seq, True, precision="amp"), total(model, seq, True, "qlora")
    narrow = total(model, seq, False, "lora", adapter="bf16")
    sizes = [f"{size / GIB:.1f}" for size in (full, lora, full_again, lora_again, narrow, packed)]
    cells = (*sizes[:2], _saved(lora, full), *sizes[2:4], _saved(lora_again, full_again), _saved(lora_again, amp))
    return f"| {model}, {seq:,} | " + " | ".join((*cells, *sizes[4:])) + " |\n"


def _saved(less: int, more: int) -> str:
    return f"{100 * (1 - less / more):.0f} %"


def page() -> str:
    """The whole page."""
    return HEAD + "".join(row(*case) for case in CASES) + TAIL


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
