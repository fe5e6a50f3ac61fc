"""``train --offload``: which combinations are modelled."""

from __future__ import annotations

from llmscale.answers.train_memory import MemoryAsked
from llmscale.errors import UnsupportedModelError, UsageError
from llmscale.training.checkpoints import checkpoints
from llmscale.training.methods import OWN
from llmscale.training.objectives import OBJECTIVES
from llmscale.training.offload import ACTIVATIONS, OPTIMIZER, STEPPED
from llmscale.training.optimizers import OPTIMIZERS

#: The recipe of ZeRO-Offload, and the one whose engine offloads by itself, which was not read.
DEEPSPEED, MEGATRON = "deepspeed", "megatron"


def check_offload(method: str, precision: str, optimizer: str, asked: MemoryAsked) -> None:
    """Refuse what nothing offloads, or what is not modelled.

    Raises:
        UsageError: a combination that does not exist.
        UnsupportedModelError: one that does, and is not modelled.
    """
    again = checkpoints(asked.checkpointing)
    if ACTIVATIONS in asked.offload and (again.selective or not again.every):
        raise UsageError(
            f"--offload {ACTIVATIONS} sends away the inputs of layers that are run again: with --checkpointing "
            f"{asked.checkpointing} there is nothing to send.",
            "Add --checkpointing full, or every:2.",
        )
    if OPTIMIZER not in asked.offload:
        return
    title = OPTIMIZERS[optimizer].title
    if OPTIMIZERS[optimizer].kernels:
        raise UsageError(
            f"--offload {','.join(sorted(asked.offload))}: {title} steps on the device, by kernels of bitsandbytes.",
            "Take --optimizer adamw.",
        )
    if OBJECTIVES[asked.objective].scored[1]:
        raise UnsupportedModelError(
            f"--offload {OPTIMIZER} with --objective {asked.objective}, which trains a second model, is not modelled.",
            "Leave --offload out.",
        )
    if precision == MEGATRON:
        raise UnsupportedModelError(
            f"--offload {OPTIMIZER} with --precision {MEGATRON} is not modelled.", f"Take --precision {DEEPSPEED}."
        )
    if precision == DEEPSPEED and (method not in OWN or optimizer not in STEPPED):
        raise UnsupportedModelError(
            f"--offload {OPTIMIZER} with --precision {DEEPSPEED} is modelled with {' and '.join(STEPPED)}, of a "
            "model's own tensors.",
            "Take --precision bf16, or --optimizer adamw.",
        )
