"""Every graph is one that ggml would build: what the constructors of its operations assert holds of each tensor, and no
view sees a byte twice.

Source: llama.cpp commit 0c1e57098, ggml/src/ggml.c (`ggml_new_tensor_impl`, `ggml_reshape_4d`, `ggml_can_mul_mat`,
`ggml_can_repeat`, `ggml_cpy_impl`, `ggml_set_rows`, `ggml_concat`, `ggml_soft_max_impl`, `ggml_flash_attn_ext`).
"""

from __future__ import annotations

from math import prod

import pytest

from llmscale.runtimes.llama_cpp.read import facts_of
from llmscale.runtimes.llama_cpp.settings import LlamaCppSettings, Offload
from llmscale.runtimes.llama_cpp.simulator.assemble import assemble
from llmscale.runtimes.llama_cpp.simulator.buffers import settled
from llmscale.runtimes.llama_cpp.simulator.context import GraphContext
from llmscale.runtimes.llama_cpp.simulator.ggml_types import block
from llmscale.runtimes.llama_cpp.simulator.graph import GraphTensor
from llmscale.runtimes.llama_cpp.simulator.layers import layer_devices, placed_layers, shortened
from llmscale.sources.registry import load

#: A model of each way to join a layer's parts, and of each mixer.
MODELS = (
    *("llama-3.1-8b", "gpt2", "falcon-7b", "phi-3-mini", "gemma-2-9b", "gemma-3n-e2b", "gemma-4-e2b", "olmo-2-7b"),
    *("mixtral-8x7b", "gpt-oss-20b", "deepseek-v2-lite", "deepseek-v3", "glm-5", "qwen3-vl-2b", "qwen3-next-80b-a3b"),
    *("qwen3.5-4b", "kimi-linear-48b-a3b", "mamba-130m", "codestral-mamba-7b", "jamba-v0.1", "granite-4.0-h-tiny"),
    *("nemotron-h-8b", "falcon-h1-7b", "lfm2-1.2b"),
)
SETTINGS = (
    LlamaCppSettings(8192, n_outputs_max=1),
    LlamaCppSettings(8192, n_seq=4, n_outputs_max=4),
    LlamaCppSettings(8192, n_seq=4, unified=True, flash_attention=False),
    LlamaCppSettings(8192, n_seq=2, flash_attention=False, n_outputs_max=2),
)
#: Those whose second source is repeated to the first.
REPEATED = {"add", "sub", "mul", "div"}


def repeats(small: GraphTensor, large: GraphTensor) -> bool:
    return all(wide % narrow == 0 for narrow, wide in zip(small.ne, large.ne, strict=True))


def multiplies(matrix: GraphTensor, x: GraphTensor) -> bool:
    """The rows are as long, and the matrices are repeated to as many."""
    return matrix.ne[0] == x.ne[0] and x.ne[2] % matrix.ne[2] == 0 and x.ne[3] % matrix.ne[3] == 0


def apart(tensor: GraphTensor) -> bool:
    """Whether no byte is seen as two elements; axes of one element do not count."""
    count, size = block(tensor.kind)
    ne = (tensor.ne[0] // count, *tensor.ne[1:])
    end = size
    for step, number in sorted((step, number) for step, number in zip(tensor.strides, ne, strict=True) if number > 1):
        if step < end:
            return False
        end = step * number
    return True


def holds(tensor: GraphTensor) -> bool:
    """Whether ggml takes the sources of `tensor` for what it is."""
    first, *others = tensor.src or (tensor,)
    match tensor.op:
        case "reshape":
            return first.contiguous and prod(first.ne) == prod(tensor.ne)
        case "view":
            assert tensor.base
            return tensor.bytes <= tensor.base.bytes and apart(tensor)
        case "cont" | "cpy":
            return prod(first.ne) == prod(tensor.ne)
        case "mul_mat":
            return multiplies(first, others[0])
        case "mul_mat_id":
            return first.ne[0] == others[0].ne[0] and others[1].ne[0] % others[0].ne[1] == 0
        case "soft_max" if others:
            mask = others[0]
            return mask.ne[0] == first.ne[0] and mask.ne[1] >= first.ne[1] and first.ne[2] % mask.ne[2] == 0
        case "flash_attn":
            keys, values, mask = others[:3]
            return multiplies(keys, first) and keys.ne[1] == values.ne[1] == mask.ne[0] and mask.ne[1] >= first.ne[1]
        case "set_rows":
            ids, target = others
            return first.ne[0] == target.ne[0] and first.ne[1] == ids.ne[0]
        case "concat":
            return sum(a != b for a, b in zip(first.ne, others[0].ne, strict=True)) <= 1
        case "repeat":
            return repeats(first, tensor)
        case "glu":
            return all(other.ne == first.ne for other in others)
        case op:
            return op not in REPEATED or all(repeats(other, first) for other in others)


@pytest.mark.parametrize("model", MODELS)
def test_ggml_would_build_it(model: str) -> None:
    facts = facts_of(load(model).known())
    for asked in SETTINGS:
        layers = shortened(placed_layers(facts, Offload(1)))
        context = GraphContext(
            facts, settled(facts, asked), Offload(1), layers, layer_devices(len(facts.layers), Offload(1))[-1]
        )
        graph = assemble(context)
        wrong = [(one.op, one.ne, [each.ne for each in one.src]) for one in graph.nodes if not holds(one)]
        assert not wrong
