"""Options of ``train`` that say what one step holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Optional

import typer

from llmscale.cli import options as opt

if TYPE_CHECKING:
    from llmscale.answers.train_memory import MemoryAsked

Seq = Annotated[
    Optional[str], typer.Option("--seq", metavar="N", help="Tokens of a sequence, 2048 or 2k.", rich_help_panel="Step")
]
MicroBatch = Annotated[
    Optional[int],
    typer.Option("--micro-batch", metavar="N", help="Sequences of one device's step; 1.", rich_help_panel="Step"),
]
Checkpointing = Annotated[
    Optional[str],
    typer.Option(
        "--checkpointing",
        help="none (if not given); full: run each layer again; every:2: each second; selective: but for what costs "
        "most.",
        rich_help_panel="Step",
    ),
]
Attn = Annotated[str, typer.Option("--attn", help="sdpa, flash or eager.", rich_help_panel="Step")]
Padded = Annotated[bool, typer.Option("--padded", help="A padded batch: attention has a mask.", rich_help_panel="Step")]
AdapterDtype = Annotated[
    str, typer.Option("--adapter-dtype", help="fp32, as peft makes adapters, or bf16.", rich_help_panel="Step")
]
KbitPrepare = Annotated[
    str,
    typer.Option(
        "--kbit-prepare", help="QLoRA: peft casts what is not packed to fp32; none leaves it.", rich_help_panel="Step"
    ),
]

Loss = Annotated[
    str,
    typer.Option(
        "--loss",
        help="logits: in fp32, as the classes make it; chunked: by eighths (torchtune); liger: gradients at once; "
        "cut: without logits (CCE); trl: by tiles. As the objective's trainer if not given.",
        show_default=False,
        rich_help_panel="Step",
    ),
]

Objective = Annotated[
    str,
    typer.Option(
        "--objective", help="sft, dpo, kto, orpo, grpo or ppo: models and sequences besides.", rich_help_panel="Step"
    ),
]
PrecomputeRef = Annotated[
    bool,
    typer.Option("--precompute-ref", help="DPO, KTO without a reference while training.", rich_help_panel="Step"),
]
Kl = Annotated[
    bool, typer.Option("--kl", help="GRPO with a KL term (beta above 0): a reference.", rich_help_panel="Step")
]
Completion = Annotated[
    Optional[str],
    typer.Option(
        "--completion", metavar="N", help="Tokens of a sequence that are answers (--loss trl).", rich_help_panel="Step"
    ),
]
Offload = Annotated[
    Optional[list[str]],
    typer.Option(
        "--offload",
        metavar="activations|optimizer",
        help="To the host's memory: activations, the input of each layer that is run again; optimizer, its states "
        "(torchao; with --precision deepspeed ZeRO-Offload). On one device.",
        rich_help_panel="Step",
    ),
]


def asked(
    seq: str | None,
    micro_batch: int | None,
    checkpointing: str | None,
    attn: str,
    padded: bool,
    adapter_dtype: str,
    kbit_prepare: str,
    loss: str,
    objective: str,
    precompute_ref: bool,
    kl: bool,
    completion: str | None,
    offload: list[str] | None,
) -> MemoryAsked:
    """What the options say together.

    Raises:
        UsageError: a number or a word that they do not take.
    """
    from llmscale.answers.train_memory import MemoryAsked

    batch = 1 if micro_batch is None else micro_batch
    again = "none" if checkpointing is None else checkpointing
    said = MemoryAsked(opt.tokens(seq, "--seq"), batch, again, attn, padded, adapter_dtype, kbit_prepare, loss=loss)
    answers = opt.tokens(completion, "--completion") or 0
    away = frozenset(word.strip() for each in offload or () for word in each.split(","))
    return said._replace(
        objective=objective, reference=not precompute_ref, divergence=kl, completion=answers, offload=away
    )


def last_layers(text: str) -> int:
    """``last:2``.

    Raises:
        UsageError: written otherwise.
    """
    from llmscale.errors import UsageError

    said, _, number = text.partition(":")
    if said != "last" or not number.isdecimal() or len(number) > 6:
        raise UsageError(f"--train-layers '{text[:40]}' is not known.", "As last:1.")
    return int(number)
