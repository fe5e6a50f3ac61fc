"""What ``--offload`` puts into the host's memory, and what of it the device still holds.

Sources: torchao 0.18.0 ``optim/cpu_offload.py`` (``CPUOffloadOptimizer``: of each trained tensor of at least
``minimal_size`` elements the host has a pinned copy, a pinned gradient and the states, and steps; smaller ones are
stepped on the device, and gradients stay there too); DeepSpeed 0.19.6 ``runtime/zero/stage_1_and_2.py`` (with
``offload_optimizer``: ``single_partition_of_fp32_groups`` and its ``grad`` in fp32, a 16-bit copy that the new weights
go back by, and as much as the largest tensor on both sides, in 16 bits; gradients leave the device bucket by bucket),
``runtime/zero/config.py`` (``reduce_bucket_size``), ``ops/adam/cpu_adam.py``; transformers 5.24.0 ``modeling_utils.py``
(checkpoints under ``save_on_cpu``: the input of each); torch 2.13.0
``distributed/fsdp/_fully_shard/`` (``CPUOffloadPolicy``: parameters, gradients and states of a rank, which steps on the
host; gradients are brought to the parameters' own dtype first). How many layers FSDP2 has gathered at once is modelled:
one that is computed and the next, with all that stands in no layer, which its root holds; no run was measured.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.records import NamedTuple
from llmscale.training.optimizers import Tensors, state_bytes
from llmscale.training.precision import Recipe

ACTIVATIONS, OPTIMIZER = "activations", "optimizer"
WORDS = (ACTIVATIONS, OPTIMIZER)
#: Elements from which on torchao moves a tensor.
LEAST_ELEMENTS = 4096
#: Elements of DeepSpeed's bucket of gradients where none is configured.
BUCKET = 500_000_000
#: What DeepSpeed steps on the host by its own kernel (``ops/adam/cpu_adam.py``).
STEPPED = ("adam", "adamw")


class Moved(NamedTuple):
    """States and gradients after the move: what the device still holds, what the host does, and which tensors the
    device steps."""

    states: int
    gradients: int
    host: int
    stepped: Sequence[Tensors] = ()


def wrapped(optimizer: str, tensors: Sequence[Tensors], gradients: int) -> Moved:
    """By torchao's optimizer."""
    small = [each for each in tensors if each.elements < LEAST_ELEMENTS]
    large = [each for each in tensors if each.elements >= LEAST_ELEMENTS]
    copies = sum(2 * each.copies * each.elements * each.element for each in large)
    states = state_bytes(optimizer, small) if small else 0
    return Moved(states, gradients, copies + state_bytes(optimizer, large), small)


def partitioned(recipe: Recipe, tensors: Sequence[Tensors]) -> Moved:
    """By DeepSpeed's on one device: Adam's two moments, flat.

    Of gradients the device has the bucket, a buffer as large as the largest tensor, and the gradient that is made.
    """
    trained = sum(each.copies * each.elements for each in tensors)
    largest = recipe.weight * max(each.elements for each in tensors)
    each = recipe.weight + 2 * recipe.master + 2 * recipe.state
    return Moved(0, recipe.gradient * BUCKET + 2 * largest, each * trained + largest)
