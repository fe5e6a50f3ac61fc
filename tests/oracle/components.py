"""The component of a tensor by its name alone: a second opinion on the roles that blocks give."""

from __future__ import annotations

import re
from collections import Counter
from math import prod

from tests.oracle.subjects import Shape

#: Model types whose names do not tell the component.
LEFT_OUT = {
    "bailing_hybrid": "`self_attn` is linear attention in most layers",
    "beit": "the head of masked images has a `layernorm` beside the model's own",
    "convnext": "layers hold bare modules, and a `downsampling_layer` is a norm and a convolution",
    "convnextv2": "as convnext",
    "gemma3n_text": "AltUp and Laurel have routers and embeddings that are neither",
    "glm5_next": "`self_attn` is linear attention in most layers",
    "granitemoehybrid": "`shared_mlp` is the plain MLP where there are no experts",
    "jetmoe": "attention and MLP are mixtures without a word on experts",
    "kimi_linear": "`self_attn` is linear attention in most layers",
    "minicpmv4_6": "`merger.mlp` is a projector, as `vit_merger` within the tower",
    "minimax": "`self_attn` is linear attention in most layers",
    "rwkv": "what it calls attention is recurrent",
    "sam": "the mask decoder is one large head",
}

#: Towers that are the whole model: the parts of the tower are the components.
_ALONE = {"clip_vision_model", "siglip_vision_model", "siglip2_vision_model"}

_TOWERS = (
    ("projector", r"multi_modal_projector|connector\.|(^|\.)visual\.\w*(merger|downsample)|image_newline"),
    ("projector", r"embed_(vision|audio)|vision_adapter|vision_projection|mm_projector|large_projector|downsampler"),
    ("projector", r"^text_model\.head\."),
    ("audio", r"audio_tower|^talker\.|^token2wav\."),
    ("vision", r"vision_tower|vision_model\.|vision_embedder\.|(^|\.)visual\."),
)

#: The first that fits decides.
_PARTS = (
    ("other", r"_hc\.|hc_head|hyper_connection"),
    ("embedding", r"\.ple\."),
    ("projector", r"(text|visual)_projection"),
    ("head", r"lm_head|embed_out|^score|classifier|qa_outputs|predictions|classification_head|output_layer\."),
    ("head", r"^(head|dense)\.|^decoder\.bias$|project_(hid|q)\.|quantizer|^projector\."),
    (
        "router",
        r"correction_bias|expert_bias|router_bias|router\b|(moe|mlp|feed_forward|mixer)\.gate\.|expert_gate|gate\.wg",
    ),
    ("attention", r"norm_attn_norm\.attn|(mixer|temporal_block)\.[qkvo]_proj|rel_embeddings"),
    ("mlp", r"mixer\.(up|down)_proj"),
    ("norm", r"norm|LayerNorm|\bln_|\.ln\d|_ln\b"),
    ("shared_experts", r"shared?_experts?\.|shared_mlp"),
    ("experts", r"experts|latent_proj|block_sparse_moe\.(in|out)put_linear"),
    ("recurrent", r"mamba|linear_attn|mixer\.|temporal_block\.|\d\.conv\.(conv|in_proj|out_proj)\."),
    ("attention", r"attn(?!_mlp)|[aA]ttention|relative_position_bias"),
    ("embedding", r"embed|shared\.weight|\bw[tp]e\.|feature_(extractor|projection)|encoder\.conv\d|patch_conv"),
    ("mlp", r"mlp|ffn|feed_forward|\.fc\d|DenseReluDense|(intermediate|output)\.dense"),
)


def components(model_type: str, found: Counter[tuple[str, Shape]]) -> dict[str, int] | None:
    """Parameters by component, ``other`` where no rule fits; None for what is `LEFT_OUT`."""
    if model_type in LEFT_OUT:
        return None
    table = _PARTS if model_type in _ALONE else _TOWERS + _PARTS
    part_of: dict[str, str] = {}
    sums: dict[str, int] = {}
    for (name, shape), count in found.items():
        pattern = re.sub(r"\d+(?=\.)", "0", name)
        if pattern not in part_of:
            part_of[pattern] = next((part for part, rule in table if re.search(rule, pattern)), "other")
        part = part_of[pattern]
        sums[part] = sums.get(part, 0) + count * prod(shape)
    return sums
