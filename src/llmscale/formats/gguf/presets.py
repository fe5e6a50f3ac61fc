"""Which type `llama-quantize` gives each tensor: the rules of its presets, as of llama.cpp 0c1e57098.

Source: src/llama-quant.cpp (`tensor_allows_quantization`, `llama_tensor_get_type_impl`, `tensor_type_fallback`,
`llama_ftype_get_default_type`), without an importance matrix. A preset has a default type; a tensor's *category*
follows from its name; attention's V and the matrices of the feed-forward get more or fewer bits by where they stand
in the model. "Where" is a counter that goes up with every such tensor, in the order of layer and name, so it is
worked out once per model (`Placing`) and the type follows from (preset, category, place).
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from functools import cache
from typing import NamedTuple

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import format_of

#: Preset to the type that a tensor gets unless a rule below says otherwise.
DEFAULT = {
    "F32": "fp32",
    "F16": "fp16",
    "BF16": "bf16",
    "Q8_0": "q8_0",
    "Q6_K": "q6_k",
    "Q5_K_M": "q5_k",
    "Q5_K_S": "q5_k",
    "Q5_1": "q5_1",
    "Q5_0": "q5_0",
    "Q4_K_M": "q4_k",
    "Q4_K_S": "q4_k",
    "Q4_1": "q4_1",
    "Q4_0": "q4_0",
    "IQ4_NL": "iq4_nl",
    "IQ4_XS": "iq4_xs",
    "MXFP4_MOE": "mxfp4_ggml",
    "Q3_K_L": "q3_k",
    "Q3_K_M": "q3_k",
    "Q3_K_S": "q3_k",
    "IQ3_M": "iq3_s",
    "IQ3_S": "iq3_s",
    "IQ3_XS": "iq3_s",
    "IQ3_XXS": "iq3_xxs",
    "Q2_K": "q2_k",
    "Q2_K_S": "q2_k",
    "Q2_0": "q2_0",
    "IQ2_M": "iq2_s",
    "IQ2_S": "iq2_xs",
    "IQ2_XS": "iq2_xs",
    "IQ2_XXS": "iq2_xxs",
    "IQ1_M": "iq1_m",
    "IQ1_S": "iq1_s",
    "TQ2_0": "tq2_0",
    "TQ1_0": "tq1_0",
    "Q1_0": "q1_0",
}
#: What the converter itself writes with --outtype f16: no tensor is touched again.
CONVERTED = "F16_CONVERT"
#: Types that are not quantised: a preset with one of them as its default has no further rules.
PLAIN = ("fp32", "fp16", "bf16")
#: Type to the one that takes its place where rows are not a multiple of its block.
NARROW = {
    **dict.fromkeys(("iq1_s", "iq1_m", "iq2_xxs", "iq2_xs", "iq2_s", "iq3_xxs", "iq3_s", "iq4_xs"), "iq4_nl"),
    **dict.fromkeys(("q2_0", "q2_k", "q3_k", "tq1_0", "tq2_0"), "q4_0"),
    "q4_k": "q5_0",
    "q5_k": "q5_1",
    "q6_k": "q8_0",
}
#: Presets of one and two bits, which have rules of their own.
LOW = ("IQ2_XXS", "IQ2_XS", "IQ2_S", "IQ2_M", "IQ1_S", "IQ1_M")
#: Parts of names of tensors that stay as the converter left them.
KEPT_PARTS = (
    "_norm.weight",
    "ffn_gate_inp.weight",
    "ffn_gate_tid2eid.weight",
    "altup",
    "laurel",
    "per_layer_model_proj",
    "ssm_conv1d",
    "shortconv.conv.weight",
    "indexer.k_proj.weight",
    "indexer.q_proj.weight",
    "time_mix_first.weight",
    "time_mix_w0.weight",
    "time_mix_w1.weight",
    "time_mix_w2.weight",
    "time_mix_v0.weight",
    "time_mix_v1.weight",
    "time_mix_v2.weight",
    "time_mix_a0.weight",
    "time_mix_a1.weight",
    "time_mix_a2.weight",
    "time_mix_g1.weight",
    "time_mix_g2.weight",
    "time_mix_decay_w1.weight",
    "time_mix_decay_w2.weight",
    "time_mix_lerp_fused.weight",
    "attn_rel_b.weight",
    ".position_embd",
    ".rel_pos",
    ".patch_embd",
    ".patch_merger",
)
KEPT_NAMES = ("position_embd.weight", "token_types.weight")


class Category(Enum):
    """What a tensor is to llama-quantize."""

    OUTPUT = "output"
    EMBEDDING = "embedding"
    VALUE = "value"  # attention's V, or what is fused with it
    FUSED = "fused"  # Q, K and V in one: a V first of all
    KEY = "key"
    QUERY = "query"
    ATTENTION_OUTPUT = "attention output"
    UP = "up"
    GATE = "gate"
    DOWN = "down"
    OTHER = "other"


#: Part of a name to its category, the first that is found; the whole name for the first three.
_WHOLE = {
    "output.weight": Category.OUTPUT,
    "token_embd.weight": Category.EMBEDDING,
    "per_layer_token_embd.weight": Category.EMBEDDING,
}
_PARTS = (
    ("attn_qkv.weight", Category.FUSED),
    ("attn_kv_b.weight", Category.VALUE),
    ("attn_v.weight", Category.VALUE),
    ("attn_k.weight", Category.KEY),
    ("attn_q.weight", Category.QUERY),
    ("attn_output.weight", Category.ATTENTION_OUTPUT),
    ("ffn_up", Category.UP),
    ("ffn_gate", Category.GATE),
    ("ffn_down", Category.DOWN),
)
#: Categories whose type depends on the place; V and what is fused with it count together.
COUNTED = {
    Category.VALUE: "value",
    Category.FUSED: "value",
    Category.UP: "up",
    Category.GATE: "gate",
    Category.DOWN: "down",
}


class Facts(NamedTuple):
    """What of a model the rules ask for, as its GGUF metadata has it.

    Attributes:
        arch: llama.cpp's name of the architecture.
        gqa: query heads per KV head in the first layer; 0 when that has no attention.
        experts: routed experts of a layer; 0 in a dense model.
        layers: all layers, those for multi-token prediction included.
        values: attention V tensors of the whole model.
        seventy_b: whether llama.cpp takes it for a 70B.
        tied: whether the head is the token embedding.
    """

    arch: str
    gqa: int
    experts: int
    layers: int
    values: int
    seventy_b: bool
    tied: bool

    @property
    def falcon(self) -> bool:
        return self.arch == "falcon"


class Where(NamedTuple):
    """Where a tensor stands: how many of its category came before it, and its layer (-1 outside the layers)."""

    rank: int
    layer: int


def category(name: str) -> Category:
    """The category of a tensor by its GGUF name."""
    if name in _WHOLE:
        return _WHOLE[name]
    return next((kind for part, kind in _PARTS if part in name), Category.OTHER)


def quantised(name: str, shape: Iterable[int]) -> bool:
    """Whether llama-quantize touches it at all: matrices named ``…weight`` that are no norm, router or convolution."""
    matrix = any(size > 1 for size in tuple(shape)[:-1])
    return (
        matrix and name.endswith("weight") and name not in KEPT_NAMES and not any(part in name for part in KEPT_PARTS)
    )


def chosen(preset: str, kind: Category, stacked: bool, row: int, facts: Facts, where: Where) -> str:
    """The type of one tensor.

    Args:
        stacked: whether it is a stack of matrices (experts, the heads of MLA's two halves).
        row: elements of a row.

    Raises:
        UnsupportedModelError: llama-quantize fails on it, as it has nothing to fall back on.
    """
    default = DEFAULT[preset]
    if default in PLAIN:
        return default
    if kind is Category.OUTPUT or (facts.tied and kind is Category.EMBEDDING):
        form = _output(preset, default, row, facts)
    elif preset == "MXFP4_MOE":
        form = "mxfp4_ggml" if stacked else "q8_0"
    elif kind is Category.EMBEDDING:
        form = _EMBEDDING.get(preset, default)
    elif kind is Category.OTHER:
        form = default
    else:
        form = _placed(preset, kind, facts, where)
    return _fitting(form, row)


def _output(preset: str, default: str, row: int, facts: Facts) -> str:
    if preset == "MXFP4_MOE" or facts.falcon or not format_of(default).holds((row,)):
        return "q8_0"
    if preset in (*LOW, "IQ3_XXS"):
        return "q5_k"
    return default if default == "q8_0" else "q6_k"


#: Token embedding that is not the head as well.
_EMBEDDING = {
    **dict.fromkeys(("IQ2_XXS", "IQ2_XS", "IQ1_S", "IQ1_M"), "q2_k"),
    **dict.fromkeys(("IQ2_S", "IQ2_M", "IQ3_XXS"), "iq3_s"),
    **dict.fromkeys(("TQ1_0", "TQ2_0", "Q2_0"), "q4_k"),
}


@cache
def _placed(preset: str, kind: Category, facts: Facts, where: Where) -> str:
    """The type by preset, category and place, before the width of its rows is looked at."""
    form = (_low if preset in LOW else _RULES[kind])(preset, kind, facts, where)
    return form or DEFAULT[preset]


def _low(preset: str, kind: Category, facts: Facts, where: Where) -> str | None:
    two = preset in ("IQ2_S", "IQ2_M")
    if COUNTED.get(kind) == "value":
        if facts.gqa >= 4 or facts.experts >= 4:
            return "q4_k"
        return "iq3_s" if two else "q2_k"
    if kind is Category.KEY and facts.experts == 8:
        return "q4_k"
    if kind is Category.DOWN and where.rank < facts.layers // 8:
        return "iq3_s" if two else "q2_k"
    if kind is Category.ATTENTION_OUTPUT:
        if facts.experts == 8:
            return "q5_k"
        return {"IQ1_S": "iq2_xxs", "IQ1_M": "iq2_xxs", "IQ2_S": "iq3_s", "IQ2_M": "iq3_s"}.get(preset)
    return None


def _more_bits(place: int, layers: int) -> bool:
    """The first and the last eighth, and every third in between."""
    eighth = layers // 8
    return place < eighth or place >= 7 * layers // 8 or (place - eighth) % 3 == 2


def _value(preset: str, _: Category, facts: Facts, where: Where) -> str | None:
    if facts.experts == 8:
        return "q8_0"
    rank, shared = where.rank, facts.gqa >= 4
    form = DEFAULT[preset]
    if preset == "Q2_K":
        form = "q4_k" if shared else "q3_k"
    elif preset == "IQ3_XXS":
        form = "q4_k" if shared else "iq3_s"
    elif preset == "IQ3_M" or (preset in ("Q2_K_S", "IQ3_XS", "IQ3_S") and shared):
        form = "q4_k"
    elif preset == "Q3_K_M":
        form = "q5_k" if rank < 2 else "q4_k"
    elif preset == "Q3_K_L" or (preset in ("IQ4_NL", "IQ4_XS") and shared):
        form = "q5_k"
    elif preset in ("Q4_K_M", "Q5_K_M") and _more_bits(rank, facts.values):
        form = "q6_k"
    elif preset == "Q4_K_S" and rank < 4:
        form = "q5_k"
    return "q5_k" if facts.seventy_b and form in ("q3_k", "q4_k") else form


def _key(preset: str, kind: Category, facts: Facts, _: Where) -> str | None:
    if kind is Category.KEY and facts.experts == 8:
        return "q8_0"
    return {"IQ3_XS": "iq3_xxs", "IQ3_XXS": "iq2_s"}.get(preset)


def _place(facts: Facts, where: Where) -> int:
    """A mixture's tensors are placed by their layer, which may hold several of a category; a dense model's counted."""
    return where.layer if facts.experts > 1 else where.rank


def _down(preset: str, _: Category, facts: Facts, where: Where) -> str | None:
    place, layers = _place(facts, where), facts.layers
    early, more = place < layers // 8, _more_bits(place, layers)
    if preset == "Q2_K":
        return "q3_k"
    if preset == "IQ3_XXS":
        return "q4_k" if early else "q3_k"
    if preset == "Q3_K_M":
        if place < layers // 16:
            return "q5_k"
        return "q4_k" if not facts.falcon or more else "q3_k"
    if preset == "Q3_K_L":
        return "q4_k" if facts.falcon else "q5_k"
    if preset == "Q4_K_M" and facts.falcon:
        return "q6_k" if place < layers // 16 else "q5_k" if more else "q4_k"
    if preset == "IQ3_M" and (early or (facts.experts == 8 and more)):
        return "q4_k"
    if preset in ("Q4_K_M", "Q5_K_M") and more:
        return "q6_k"
    if early:
        if preset == "Q4_K_S" and facts.falcon:
            return None
        return {"Q2_K_S": "q4_k", "IQ4_NL": "q5_k", "IQ4_XS": "q5_k", "Q4_K_S": "q5_k"}.get(preset)
    return None


_MIXTRAL_OUTPUT = (
    *("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL"),
    *("Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"),
)
_OUTPUT = {"Q2_K": "q3_k", "IQ3_XXS": "iq3_s", "Q3_K_M": "q4_k", "Q3_K_L": "q5_k", "IQ3_M": "q4_k"}


def _attention_output(preset: str, _: Category, facts: Facts, __: Where) -> str | None:
    if facts.falcon:
        return "q4_k" if preset == "Q3_K_L" else None
    if facts.experts == 8:
        return "q5_k" if preset in _MIXTRAL_OUTPUT else None
    return _OUTPUT.get(preset)


def _middle(preset: str, _: Category, facts: Facts, where: Where) -> str | None:
    place, layers = _place(facts, where), facts.layers
    return "iq3_xxs" if preset == "IQ3_XS" and layers // 8 <= place < 7 * layers // 8 else None


_RULES = {
    Category.VALUE: _value,
    Category.FUSED: _value,
    Category.KEY: _key,
    Category.QUERY: _key,
    Category.DOWN: _down,
    Category.ATTENTION_OUTPUT: _attention_output,
    Category.UP: _middle,
    Category.GATE: _middle,
}


def _fitting(form: str, row: int) -> str:
    """The type itself, or what takes its place where the row is not a multiple of its block: F16 in the end."""
    if format_of(form).holds((row,)):
        return form
    if form not in NARROW and format_of(form).multiple > 32:
        raise UnsupportedModelError(
            f"llama-quantize fails: rows of {row:,} do not fill {format_of(form).name} blocks and nothing replaces it.",
            "Choose another preset.",
        )
    narrow = NARROW.get(form, form)
    return narrow if format_of(narrow).holds((row,)) else "fp16"
