"""DeepSeek V3.2 (arXiv:2512.02556) and GLM-5 (arXiv:2602.15763): V3's shape with an indexer for sparse attention.

Sources: transformers 5.23 `DeepseekV32Config` and `GlmMoeDsaConfig`. From GLM-5.2 on some layers take the tokens that
an earlier layer's indexer chose and have none: ``indexer_types`` names them, or a pattern, or a frequency.
"""

from __future__ import annotations

from llmscale.model.blocks.attention import Indexer
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS
from llmscale.model.families._config import Config
from llmscale.model.families._deepseek import build
from llmscale.model.spec import ModelSpec

MODEL_TYPES = ("deepseek_v32", "glm_moe_dsa")
SPARSE = {"indexed_attention", "deepseek_sparse_attention"}
FULL, SHARED = {"full", "F"}, {"shared", "S"}


def read(c: Config) -> ModelSpec:
    """Read a DeepSeek V3.2 or GLM-5 config."""
    c.ignore("index_topk", "indexer_rope_interleave", "index_share_for_mtp_iteration", "moe_router_dtype")
    if set(c.words("layer_types", c.layers()) or ()) - SPARSE:
        raise c.unsupported("has layers without sparse attention (layer_types)")
    if c.get("num_experts") not in (None, c.get("n_routed_experts")):
        raise c.error("has another number in num_experts than in n_routed_experts")
    indexer = Indexer(
        c.hidden(),
        c.number("q_lora_rank"),
        c.number("index_n_heads", high=MAX_HEADS),
        c.number("index_head_dim", high=MAX_HEADS),
    )
    indexers = [indexer if owns else None for owns in _owners(c, c.layers())]
    return build(c, indexers, dense=3, shared_experts=1)


def _owners(c: Config, layers: int) -> list[bool]:
    """Which layers have an indexer of their own."""
    if c.model_type == "deepseek_v32":
        return [True] * layers
    frequency = c.number("index_topk_freq", default=1, low=0, high=MAX_LAYERS) or 1
    offset = c.number("index_skip_topk_offset", default=2, low=0, high=MAX_LAYERS)
    types: list[str] | None
    if isinstance(c.get("index_topk_pattern"), str):
        types = list(c.text("index_topk_pattern"))
    else:
        types = c.words("index_topk_pattern", layers)
    types = c.words("indexer_types", layers) or types
    if types is None:
        return [max(layer - offset + 1, 0) % frequency == 0 for layer in range(layers)]
    if len(types) != layers or set(types) - FULL - SHARED:
        raise c.error("has an index_topk_pattern or indexer_types that do not name full or shared for every layer")
    return [kind in FULL for kind in types]
