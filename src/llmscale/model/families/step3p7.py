"""Step 3.5 Flash (arXiv:2602.10604) and Step 3.7 Flash (transformers 5.24 `Step3p7Config`), which adds a tower.

Layers slide or see all; sliding ones may have more query heads (``attention_other_setting``). Every head's output has a
gate. After the first layers (``moe_layers_enum``) come mixtures with a correction bias and a shared expert. Lists of
one entry a layer go on with the multi-token-prediction layers. Names as in huggingface.co/stepfun-ai/Step-3.7-Flash,
but for routed experts, which it stacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.embedding import Embedding
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import GatedMlp, MixtureOfExperts, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.blocks.vision import PatchEmbedding
from llmscale.model.families._bounds import MAX_EXPERTS, MAX_HEADS, MAX_LAYERS, MAX_POSITIONS
from llmscale.model.families._config import Config
from llmscale.model.families._parts import text_part, tied, whole
from llmscale.model.families._stack import Named, decoder, encoder_attention, place, prediction_layers, stack, text_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("step3p5", "step3p7")
FULL, SLIDING = "full_attention", "sliding_attention"
#: Keys of the text part, which change nothing where a file has them outside it.
_OUTSIDE = """
attention_bias attention_other_setting first_k_dense_replace head_dim hidden_size intermediate_size layer_types
max_position_embeddings mlp_layer_types moe_intermediate_size moe_layers_enum moe_num_experts moe_router_scaling_factor
moe_top_k n_routed_experts n_shared_experts num_attention_groups num_attention_heads num_experts num_experts_per_tok
num_hidden_layers num_key_value_heads num_nextn_predict_layers share_expert_dim sliding_window use_moe_router_bias
vocab_size
"""


def read(c: Config) -> ModelSpec:
    """Read a Step 3.5 or 3.7 config."""
    if c.model_type == "step3p5":
        return _text(c)
    if c.get("text_config") is None:
        return _bare(c)
    text = text_part(c, "model.", tied=tied(c), model_type="step3p5", head_prefix="")
    return _whole(c, text)


def _bare(c: Config) -> ModelSpec:
    """A file without a text part: the class takes one of its own, and nothing that the file says outside it."""
    outside = [key for key in c.data if key in _OUTSIDE.split()]
    c.ignore(*outside)
    spec = _whole(c, text_part(c, "model.", tied=tied(c), model_type="step3p5", head_prefix=""))
    said = f"Step 3.7's class reads the text part alone: {', '.join(outside[:6])} … outside it are left out of account."
    return replace(spec, warnings=(*spec.warnings, said)) if outside else spec


def _whole(c: Config, text: ModelSpec) -> ModelSpec:
    """The text behind its tower."""
    c.ignore("understand_projector_stride", "projector_bias", "im_end_token", "im_patch_token", "image_token_len")
    c.ignore("patch_token_len", "vision_select_layer", "max_position_embeddings", "hidden_size")
    vision = c.part("vision_config", "vision_model.", defaults={})
    width = vision.number("hidden_size", "width", default=1536)
    projector = Linear("projector.linear", text.hidden_size, 4 * width, c.flag("projector_bias"))
    placed = [*_tower(vision, width), place("vit_large_projector", projector, tower="projector")]
    return whole(c, text, placed)


def _tower(c: Config, hidden: int) -> list[PlacedBlock]:
    layers = c.number("num_hidden_layers", "layers", default=47, high=MAX_LAYERS)
    heads = c.number("num_attention_heads", "heads", default=16, high=MAX_HEADS)
    image, patch = c.number("image_size", default=728), c.number("patch_size", default=14)
    wide = int(hidden * c.decimal("mlp_ratio", 8960 / 1536))
    channels = c.number("num_channels", default=3)
    c.ignore("intermediate_size", "ls_init_value", "layer_scale_init_value", "max_position_embeddings", "output_dim")
    c.ignore("pool_type", "ues_cls_token", "use_cls_token", "use_ln_pre", "use_ln_post", "use_abs_posemb", "use_rope2d")

    def blocks(_: None) -> Iterator[Named]:
        yield "layernorm_before", Norm(hidden, bias=True)
        yield "self_attn", encoder_attention(c, hidden, heads, ("q_proj", "k_proj", "v_proj", "out_proj"))
        yield "lambda_1", Parameter("other.layer_scale", (hidden,))
        yield "layernorm_after", Norm(hidden, bias=True)
        yield "mlp", Mlp(hidden, wide, ("fc1", "fc2"), bias=True)
        yield "lambda_2", Parameter("other.layer_scale", (hidden,))

    base, double = c.prefix, 2 * hidden
    embedding = Embedding((image // patch) ** 2, hidden, "embedding.position")
    patches = PatchEmbedding(hidden, channels, patch, bias=False)
    return [
        place(f"{base}embeddings.patch_embedding", patches, tower="vision"),
        place(f"{base}embeddings.position_embedding", embedding, tower="vision"),
        place(f"{base}pre_layernorm", Norm(hidden, bias=True), tower="vision"),
        *stack(f"{base}layers.{{layer}}", [None] * layers, blocks, "vision"),
        place(f"{base}downsampler1", Convolution("projector.downsample", double, hidden, (3, 3)), tower="projector"),
        place(
            f"{base}downsampler2", Convolution("projector.downsample", 2 * double, double, (3, 3)), tower="projector"
        ),
    ]


def _text(c: Config) -> ModelSpec:
    hidden, layers, vocab = c.hidden(), c.layers(), c.vocab()
    dense_width, bias = c.hidden("intermediate_size"), c.flag("mlp_bias")
    width, shared = c.hidden("moe_intermediate_size"), c.hidden("share_expert_dim", "share_expert_dims")
    experts = c.number("n_routed_experts", "moe_num_experts", "num_local_experts", high=MAX_EXPERTS)
    used = c.number("num_experts_per_tok", "moe_top_k", high=experts)
    mixture = MixtureOfExperts(hidden, width, experts, used, correction_bias="router_bias")
    attentions = _attentions(c, hidden)
    c.ignore("moe_router_scaling_factor", "moe_router_activation", "moe_router_activation_func", "swiglu_limits")
    c.ignore("swiglu_limits_shared", "need_fp32_gate", "norm_expert_weight", "use_moe_router_bias", "per_layer_config")
    c.ignore("yarn_only_types", "partial_rotary_factors", "use_rope_layers", "moe_every_n_layer", "use_moe", "sink")
    c.ignore("mtp_layer_types", "mtp_mlp_layer_types", "max_seq_len", "num_mtp_layers", "use_head_wise_attn_gate")
    c.ignore("use_qk_norm", "zero_centered", "moe_router_scaling", "head_wise_attn_type")

    def blocks(kind: tuple[bool, bool]) -> Iterator[Named]:
        slides, sparse = kind
        attention = attentions[slides]
        yield "input_layernorm", Norm(hidden)
        yield "self_attn", attention
        yield "self_attn.g_proj", Linear("attention.gate", attention.heads, hidden)
        yield "post_attention_layernorm", Norm(hidden)
        if sparse:
            yield "moe", mixture
            yield "share_expert", GatedMlp(hidden, shared, bias=bias, component="shared_experts")
        else:
            yield "mlp", GatedMlp(hidden, dense_width, bias=bias)

    slides, sparse = _slides(c, layers), _sparse(c, layers)
    kinds = list(zip(slides, sparse, strict=True))
    closed = c.flag("tie_word_embeddings")
    placed = decoder(c, kinds, blocks, vocab=vocab, hidden=hidden, norm=Norm(hidden), tied=closed)
    widest = max(mixture.widest + shared if any(sparse) else 0, 0 if all(sparse) else dense_width)
    return text_spec(
        c,
        placed,
        layers=layers,
        hidden=hidden,
        intermediate=widest,
        vocab=vocab,
        context=c.positions(),
        warnings=prediction_layers(c),
    )


def _attentions(c: Config, hidden: int) -> tuple[Attention, Attention]:
    """That of layers that see all, and that of sliding ones."""
    heads, kv_heads, head_dim = c.heads(hidden, kv=("num_key_value_heads", "num_attention_groups"))
    bias, norms = c.flag("attention_bias"), (head_dim, head_dim)
    full = Attention(hidden, heads, kv_heads, head_dim, qkv_bias=bias, out_bias=bias, qk_norm=norms)
    other = c.part("attention_other_setting", defaults={})
    other.ignore("attention_type")
    if (other.number("num_attention_groups", default=kv_heads), other.number("head_dim", default=head_dim)) != (
        kv_heads,
        head_dim,
    ):
        raise c.unsupported("has another width of keys in sliding layers (attention_other_setting)")
    more = other.number("num_attention_heads", default=heads, high=MAX_HEADS)
    more = c.number("num_sliding_attention_heads", default=more, high=MAX_HEADS)
    window = c.number("sliding_window", default=None, high=MAX_POSITIONS)
    return full, replace(full, heads=more, window=window)


def _slides(c: Config, layers: int) -> list[bool]:
    """Which layers slide; what the list says of prediction layers is left out."""
    kinds = c.get("layer_types")
    if kinds is None:
        return [False] * layers
    if not isinstance(kinds, list) or len(kinds) < layers or set(map(str, kinds)) - {FULL, SLIDING}:
        raise c.error("has layer_types that do not name full_attention or sliding_attention for every layer")
    return [kind == SLIDING for kind in kinds[:layers]]


def _sparse(c: Config, layers: int) -> list[bool]:
    """Which layers are mixtures: as named, as listed (``3,4,5``), or all but the first three."""
    named, listed = c.get("mlp_layer_types"), c.get("moe_layers_enum")
    if isinstance(named, list):
        if len(named) < layers:
            raise c.error(f"has {len(named)} entries in mlp_layer_types for {layers} layers")
        return [kind == "sparse" for kind in named[:layers]]
    if listed is None:
        return [layer >= 3 for layer in range(layers)]
    parts = listed.split(",") if isinstance(listed, str) else listed
    if not isinstance(parts, list) or not all(str(part).strip().isdecimal() for part in parts):
        raise c.error("has a moe_layers_enum that is not a list of layers")
    sparse = {int(part) for part in parts}
    return [layer in sparse for layer in range(layers)]
