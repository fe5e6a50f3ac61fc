"""Tables of cosines and sines, which ``torch`` counts as part of the loaded model.

One table (positions, rotated elements of a head) for each head width and, where windows and full attention have bases
of their own, each kind (vLLM 0.19.0: ``vllm/model_executor/layers/rotary_embedding/base.py``, cached by ``get_rope``;
SGLang 0.5.23: ``sglang/srt/layers/rotary_embedding/``). Linear and dynamic stretching make it longer in vLLM, of full
attention alone (``linear_scaling_rope.py``, ``dynamic_ntk_scaling_rope.py``).
"""

from __future__ import annotations

from functools import singledispatch

from llmscale.model.blocks.attention import Attention, LatentAttention
from llmscale.model.spec import Block, ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.parallel.shards import is_latent, text_blocks

#: How families begin whose windows rotate unlike their full attention (models/gemma3.py, models/olmo2.py).
OWN_BASES = ("gemma3", "olmo3")
#: Families of which half of a head rotates, whether their config says so or not (models/glm.py, glm4.py, chatglm.py).
HALF = ("glm", "glm4", "chatglm")
#: Families whose rotary positions have parts for time, height and width, with the share of a head that rotates where
#: their config does not say it outside its text part (transformers_utils/configs/qwen3_5.py; GLM's is published in
#: ``rope_parameters``).
MULTIMODAL = {
    **dict.fromkeys(("qwen2_vl", "qwen2_5_vl", "qwen3_vl", "qwen3_vl_moe"), 1.0),
    **dict.fromkeys(("qwen3_5", "qwen3_5_text", "qwen3_5_moe", "qwen3_5_moe_text"), 0.25),
    **dict.fromkeys(("glm4v", "glm4v_moe"), 0.5),
}


class Tables(NamedTuple):
    """How long a server makes them.

    Attributes:
        multimodal: how many times as long as the positions, of families with parts for time, height and width.
        stretched: whether those of stretched positions are longer than others.
    """

    multimodal: int = 1
    stretched: bool = True


class Rotated(NamedTuple):
    """What of a block rotates: elements of a head, and whether in a window."""

    width: int
    windowed: bool = False


@singledispatch
def rotated(block: Block) -> Rotated | None:
    """What of the block rotates; None for nothing."""
    return None


@rotated.register
def _attention_rotated(block: Attention) -> Rotated:
    return Rotated(block.head_dim, block.window is not None)


@rotated.register
def _latent_rotated(block: LatentAttention) -> Rotated:
    return Rotated(block.rope)


def rotary_bytes(spec: ModelSpec, element_bytes: int, tables: Tables) -> int:
    """Bytes of the tables on every rank; nothing for a model with learned positions."""
    positions = spec.max_context
    blocks = [placed.block for placed in text_blocks(spec)]
    if positions is None or any(tensor.role == "embedding.position" for block in blocks for tensor in block.tensors()):
        return 0
    found = {one for one in map(rotated, blocks) if one is not None}
    if not spec.family.startswith(OWN_BASES):
        found = {one._replace(windowed=False) for one in found}
    if spec.family in MULTIMODAL:
        share = MULTIMODAL[spec.family]
        return sum(tables.multimodal * positions * int(share * one.width) * element_bytes for one in found)
    # What MLA rotates is named as such, whole.
    share = 1.0 if is_latent(spec) else 0.5 if spec.family in HALF else spec.rotary_share
    longest = int(positions * spec.rope_factor) if tables.stretched else positions
    return sum((positions if one.windowed else longest) * int(share * one.width) * element_bytes for one in found)
