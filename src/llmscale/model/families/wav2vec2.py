"""wav2vec 2.0 (arXiv:2006.11477) and HuBERT (arXiv:2106.07447): convolutions over the wave, then encoder layers.

Sources: transformers 5.23 `Wav2Vec2Config`, `HubertConfig`. ``feat_extract_norm`` normalises the first convolution
alone (group) or every one (layer). Positions come from one grouped convolution under weight
normalisation, stored as length and direction. Defaults as in those classes.
Names as in huggingface.co/facebook/wav2vec2-base-960h.
"""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.model.blocks.convolution import Convolution
from llmscale.model.blocks.linear import Linear, Parameter
from llmscale.model.blocks.mlp import Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.families._bounds import MAX_HEADS, MAX_LAYERS, MAX_VOCAB
from llmscale.model.families._config import Config
from llmscale.model.families._stack import Named, classifier, encoder_attention, place, stack, vision_spec
from llmscale.model.spec import ModelSpec, PlacedBlock

MODEL_TYPES = ("wav2vec2", "hubert")
#: Keys of the training and of how the wave is cut, which hold no tensor.
HARMLESS = (
    *("conv_stride", "num_feat_extract_layers", "feat_extract_activation", "apply_spec_augment", "num_negatives"),
    *(
        "mask_time_length",
        "mask_time_min_masks",
        "mask_feature_length",
        "mask_feature_min_masks",
        "mask_channel_length",
    ),
    *("mask_channel_min_space", "mask_channel_other", "mask_channel_prob", "mask_channel_selection", "num_ctc_classes"),
    *("mask_time_min_space", "mask_time_other", "mask_time_selection", "contrastive_logits_temperature"),
    *("ctc_loss_reduction", "ctc_zero_infinity", "tokenizer_class", "gradient_checkpointing", "adapter_stride"),
    *("tdnn_dim", "tdnn_kernel", "tdnn_dilation", "xvector_output_dim", "do_stable_layer_norm"),
    *("tie_word_embeddings", "diversity_loss_weight"),
)


def read(c: Config) -> ModelSpec:
    """Read a wav2vec 2.0 or HuBERT config."""
    hidden, layers = c.hidden(), c.layers()
    intermediate = c.hidden("intermediate_size")
    heads = c.number("num_attention_heads", high=MAX_HEADS)
    c.ignore(*HARMLESS)
    # Only the pre-norm encoder has room for an adapter in each layer.
    narrow = c.number("adapter_attn_dim", default=0, low=0) if c.flag("do_stable_layer_norm") else 0
    c.ignore("adapter_attn_dim", "conv_pos_batch_norm")
    if c.flag("conv_pos_batch_norm"):
        raise c.unsupported("has positions under batch normalisation")
    head = c.head("Model")
    base = "" if head == "Model" else f"{c.model_type}."

    def blocks(_: None) -> Iterator[Named]:
        names = ("q_proj", "k_proj", "v_proj", "out_proj")
        yield "attention", encoder_attention(c, hidden, heads, names)
        yield "layer_norm", Norm(hidden, bias=True)
        yield "feed_forward", Mlp(hidden, intermediate, ("intermediate_dense", "output_dense"), bias=True)
        yield "final_layer_norm", Norm(hidden, bias=True)
        if narrow:
            yield "adapter_layer.norm", Norm(hidden, bias=True)
            yield "adapter_layer", Mlp(hidden, narrow, ("linear_1", "linear_2"), bias=True, component="other")

    placed, width = _features(c, base, hidden)
    if _positive(c, "mask_time_prob", 0.05) or _positive(c, "mask_feature_prob", 0.0):
        placed.append(place(f"{base}masked_spec_embed", Parameter("embedding.mask", (hidden,))))
    placed += _positions(c, f"{base}encoder.pos_conv_embed.conv", hidden)
    placed.append(place(f"{base}encoder.layer_norm", Norm(hidden, bias=True)))
    placed += stack(f"{base}encoder.layers.{{layer}}", [None] * layers, blocks)
    adapted, out = _adapter(c, base, hidden)
    placed += [*adapted, *_on_top(c, head, layers, hidden, out, width)]
    return vision_spec(c, placed, layers=layers, hidden=hidden, intermediate=intermediate, sequence=None)


def _features(c: Config, base: str, hidden: int) -> tuple[list[PlacedBlock], int]:
    widths = c.numbers("conv_dim", default=[512] * 7)
    kernels = c.numbers("conv_kernel", default=[10, 3, 3, 3, 3, 2, 2])
    if len(widths) != len(kernels):
        raise c.error(f"has {len(widths)} widths but {len(kernels)} kernels of convolutions")
    bias = c.flag("conv_bias")
    kind = c.text("feat_extract_norm", "group")
    if kind not in ("group", "layer"):
        raise c.unsupported(f"has feat_extract_norm = '{kind}'")
    placed = []
    for layer, (before, width, kernel) in enumerate(zip([1, *widths], widths, kernels, strict=False)):
        name = f"{base}feature_extractor.conv_layers.{layer}"
        placed.append(place(f"{name}.conv", Convolution("embedding.convolution", width, before, (kernel,), bias)))
        if kind == "layer" or layer == 0:
            placed.append(place(f"{name}.layer_norm", Norm(width, bias=True)))
    last = widths[-1]
    if c.flag("feat_proj_layer_norm", default=True):
        placed.append(place(f"{base}feature_projection.layer_norm", Norm(last, bias=True)))
    projection = Linear("embedding.projection", hidden, last, bias=True)
    return [*placed, place(f"{base}feature_projection.projection", projection)], last


def _positions(c: Config, name: str, hidden: int) -> list[PlacedBlock]:
    kernel = c.number("num_conv_pos_embeddings", default=128)
    groups = c.number("num_conv_pos_embedding_groups", default=16, high=hidden)
    if hidden % groups:
        raise c.error(f"has a width of {hidden}, not a multiple of its {groups} groups of positions")
    return [
        place(f"{name}.weight_g", Parameter("embedding.position", (1, 1, kernel))),
        place(f"{name}.weight_v", Parameter("embedding.position", (hidden, hidden // groups, kernel))),
        place(f"{name}.bias", Parameter("embedding.position", (hidden,))),
    ]


def _adapter(c: Config, base: str, hidden: int) -> tuple[list[PlacedBlock], int]:
    out = c.number("output_hidden_size", default=hidden)
    kernel = c.number("adapter_kernel_size", default=3, high=MAX_HEADS)
    count = c.number("num_adapter_layers", default=3, low=0, high=MAX_LAYERS)
    if not c.flag("add_adapter"):
        return [], hidden
    placed = []
    if out != hidden:
        placed.append(place(f"{base}adapter.proj", Linear("other.adapter", out, hidden, bias=True)))
        placed.append(place(f"{base}adapter.proj_layer_norm", Norm(out, bias=True)))

    def blocks(_: None) -> Iterator[Named]:
        yield "conv", Convolution("other.adapter", 2 * out, out, (kernel,))

    return [*placed, *stack(f"{base}adapter.layers.{{layer}}", [None] * count, blocks)], out


def _on_top(c: Config, head: str, layers: int, hidden: int, out: int, width: int) -> list[PlacedBlock]:
    vocab = c.number("vocab_size", default=32, high=MAX_VOCAB)
    projected = c.number("classifier_proj_size", default=256)
    groups = c.number("num_codevector_groups", default=2, high=MAX_HEADS)
    codes = groups * c.number("num_codevectors_per_group", default=320)
    code_width, target = c.number("codevector_dim", default=256), c.number("proj_codevector_dim", default=256)
    weighted: list[PlacedBlock] = []
    if c.flag("use_weighted_layer_sum"):
        weighted.append(place("layer_weights", Parameter("other.layer_weights", (layers + 1,))))
    if head == "Model":
        return []
    if head == "ForCTC":
        return [place("lm_head", Linear("head.out", vocab, out, bias=True))]
    if head == "ForSequenceClassification":
        projector = place("projector", Linear("head.transform", projected, hidden, bias=True))
        return [*weighted, projector, *classifier(c, projected)]
    if head == "ForAudioFrameClassification":
        return [*weighted, *classifier(c, hidden)]
    if head == "ForPreTraining" and c.model_type == "wav2vec2":
        return [
            place("quantizer.codevectors", Parameter("head.codes", (1, codes, code_width // groups))),
            place("quantizer.weight_proj", Linear("head.quantizer", codes, width, bias=True)),
            place("project_hid", Linear("head.transform", target, hidden, bias=True)),
            place("project_q", Linear("head.transform", target, code_width, bias=True)),
        ]
    raise c.unsupported(f"is a {c.architecture('')}")


def _positive(c: Config, key: str, default: float) -> bool:
    value = c.get(key)
    if value is None:
        return default > 0
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise c.error(f"has {key} = {value!r}, which is not a number")
    return value > 0
