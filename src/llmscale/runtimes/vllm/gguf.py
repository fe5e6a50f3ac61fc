"""GGUF files under vLLM: the bytes of a rank's part of a tensor, as the file has them.

Its kernels read ggml's blocks as they are, the token embedding's too (``layers/quantization/gguf.py``, later a plug-in
of its own). A file's tensors have other names and are cut otherwise than the checkpoint's, so that what a part of the
model takes of the file (its attention, its experts …) is dealt out by weights; of a rank alone that is the file. That
a projection whose parts are in several formats is padded to the widest is left out (from memory; a log of Q4_K_M,
tests/runtimes/vllm/test_gguf.py, is 0.3 % off).
"""

from __future__ import annotations

from collections import defaultdict
from math import prod

from llmscale.model.inventory import TensorGroup
from llmscale.runtimes.parallel.shards import PlaneBytes
from llmscale.runtimes.subject import Exact

#: How quants of GGUF files are kept.
KIND = "gguf"


def planes_of_file(subject: Exact) -> PlaneBytes:
    """Bytes of a tensor of some group and some shape, by the share of its part in the file."""
    stored: dict[str, int] = defaultdict(int)
    held: dict[str, int] = defaultdict(int)
    for group, form in subject.stored:
        stored[group.component] += form.size(group.shape) * group.copies
    for group in subject.inventory.stored():
        held[group.component] += prod(group.shape) * group.copies

    def size(group: TensorGroup, shape: tuple[int, ...]) -> tuple[int, ...]:
        # What the file leaves out, such as a tower, is in 16 bits.
        weights = held[group.component]
        each = stored[group.component] / weights if stored[group.component] and weights else 2
        return (round(prod(shape) * each),)

    return size
