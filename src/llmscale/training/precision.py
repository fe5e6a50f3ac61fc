"""Bytes a parameter by mixed-precision recipe: what five sources that seem to contradict each other mean.

Sources: torch 2.13.0 autocast (fp32 weights stay, the 16-bit copy is among activations); Micikevicius et al. 2018;
Rajbhandari et al. 2020 (ZeRO, 16 bytes: arXiv:1910.02054, section 3.1); Megatron-LM ``docs/source/api-guide/
dist_optimizer.md`` (its table: 18 bytes of 16-bit parameters with fp32 gradients, not distributed). ZeRO's and
Micikevicius' are from memory.
"""

from __future__ import annotations

from llmscale.records import NamedTuple


class Recipe(NamedTuple):
    """Bytes of one parameter: the weight that is multiplied with, its gradient, a master copy, one optimizer state."""

    title: str
    weight: int
    gradient: int
    master: int
    state: int


RECIPES = {
    "fp32": Recipe("all in fp32", 4, 4, 0, 4),
    "amp": Recipe("fp32 weights, 16-bit autocast", 4, 4, 0, 4),
    "bf16": Recipe("all in bf16", 2, 2, 0, 2),
    "megatron": Recipe("bf16 weights, fp32 gradients and master", 2, 4, 4, 4),
    "deepspeed": Recipe("16-bit weights and gradients, fp32 master", 2, 2, 4, 4),
}
#: What peft makes adapters of a model in: fp32 also where the model is in 16 bits (``autocast_adapter_dtype``).
ADAPTER = Recipe("adapters in fp32", 4, 4, 0, 4)
