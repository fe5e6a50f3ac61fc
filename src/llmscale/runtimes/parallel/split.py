"""Which side of a matrix ranks divide: its outputs, its inputs, or neither.

Read in vLLM 0.19.0 (``vllm/model_executor/layers/linear.py``, ``vocab_parallel_embedding.py``); SGLang 0.5.23 has the
same (``sglang/srt/layers/linear.py``, ``vocab_parallel_embedding.py``).

- A column-parallel layer splits its outputs and its bias, a row-parallel layer splits its inputs and keeps the whole
  bias, a replicated layer splits nothing.
- Rows of a token embedding or head are padded to a multiple of 64, then divided by the ranks.
- The low-rank factors into MLA (q_a, kv_a) and its whole indexer are replicated (``models/deepseek_v2.py``).
"""

from __future__ import annotations

from llmscale.model.inventory import TensorGroup
from llmscale.runtimes.parallel.ranks import part

#: ``DEFAULT_VOCAB_PADDING_SIZE`` of vocab_parallel_embedding.py.
VOCAB_PADDING = 64
#: Roles with a row for each entry of the vocabulary.
VOCABULARY = ("embedding.token", "embedding.per_layer", "head.out")
OUTPUTS, INPUTS = "out", "in"
_MLPS = ("mlp", "shared_experts", "experts")
#: Role -> the side that is split; tensors of all other roles are replicated.
SIDES = {
    **{f"attention.{name}": OUTPUTS for name in ("q", "k", "v", "qkv", "kv", "q_b", "kv_b", "gate", "sinks")},
    "attention.o": INPUTS,
    **{f"recurrent.{name}": OUTPUTS for name in ("in", "conv", "dt", "a", "d", "gate")},
    **{f"recurrent.{name}": INPUTS for name in ("x", "out")},
    **{f"{mlp}.{name}": OUTPUTS for mlp in _MLPS for name in ("gate", "up", "gate_up")},
    **{f"{mlp}.down": INPUTS for mlp in (*_MLPS, "projector")},
    **{f"projector.{name}": OUTPUTS for name in ("gate", "up")},
}


def padded_vocab(rows: int) -> int:
    """Rows of a token embedding or head as they are allocated."""
    return part(rows, VOCAB_PADDING) * VOCAB_PADDING


def split(group: TensorGroup, ranks: int, *, turned: bool = False) -> tuple[int, ...]:
    """Shape of one rank's part of one tensor of `group`, by its role alone.

    Args:
        turned: whether the checkpoint stores (inputs, outputs).
    """
    shape, side = group.shape, SIDES.get(group.role)
    if group.role in VOCABULARY:
        return (part(padded_vocab(shape[0]), ranks), *shape[1:])
    if side is None or not shape:
        return shape
    if len(shape) == 1:
        return (part(shape[0], ranks),) if side == OUTPUTS else shape
    first, last = (len(shape) - 1, 0) if turned else (0, 1)
    return divided(shape, first if side == OUTPUTS else last, ranks)


def divided(shape: tuple[int, ...], axis: int, ranks: int) -> tuple[int, ...]:
    """`shape` with its `axis` shared by `ranks`."""
    return (*shape[:axis], part(shape[axis], ranks), *shape[axis + 1 :])
