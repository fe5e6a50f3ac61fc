"""Which type `llama-quantize` gives each tensor: the rules of its presets, as of llama.cpp 0c1e57098.

Source: src/llama-quant.cpp (`llama_tensor_get_type_impl`, `tensor_type_fallback`), without an importance matrix. A
preset has a default type; a tensor's *category* follows from its name; attention's V and the matrices of the
feed-forward get more or fewer bits by where they stand in the model. That is a counter which goes up with every such
tensor, in the order of layer and name, so it is worked out once per model (`ranks`) and the type follows from (preset,
category, position).
"""

from __future__ import annotations

from functools import cache

from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import format_of
from llmscale.formats.gguf.category import COUNTED, Category
from llmscale.formats.gguf.presets import DEFAULT, EMBEDDING, LOW, NARROW, PLAIN
from llmscale.records import NamedTuple


class Traits(NamedTuple):
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


class Position(NamedTuple):
    """Where a tensor stands: how many of its category came before it, and its layer (-1 outside the layers)."""

    rank: int
    layer: int


def chosen(preset: str, kind: Category, stacked: bool, row: int, traits: Traits, at: Position) -> str:
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
    if kind is Category.OUTPUT or (traits.tied and kind is Category.EMBEDDING):
        form = _output(preset, default, row, traits)
    elif preset == "MXFP4_MOE":
        form = "mxfp4_ggml" if stacked else "q8_0"
    elif kind is Category.EMBEDDING:
        form = EMBEDDING.get(preset, default)
    elif kind is Category.OTHER:
        form = default
    else:
        form = _by_position(preset, kind, traits, at)
    return _fitting(form, row)


def _output(preset: str, default: str, row: int, traits: Traits) -> str:
    if preset == "MXFP4_MOE" or traits.falcon or not format_of(default).holds((row,)):
        return "q8_0"
    if preset in (*LOW, "IQ3_XXS"):
        return "q5_k"
    return default if default == "q8_0" else "q6_k"


@cache
def _by_position(preset: str, kind: Category, traits: Traits, at: Position) -> str:
    """The type by preset, category and position, before the width of its rows is looked at."""
    form = (_low if preset in LOW else _RULES[kind])(preset, kind, traits, at)
    return form or DEFAULT[preset]


def _low(preset: str, kind: Category, traits: Traits, at: Position) -> str | None:
    two = preset in ("IQ2_S", "IQ2_M")
    if COUNTED.get(kind) == "value":
        if traits.gqa >= 4 or traits.experts >= 4:
            return "q4_k"
        return "iq3_s" if two else "q2_k"
    if kind is Category.KEY and traits.experts == 8:
        return "q4_k"
    if kind is Category.DOWN and at.rank < traits.layers // 8:
        return "iq3_s" if two else "q2_k"
    if kind is Category.ATTENTION_OUTPUT:
        if traits.experts == 8:
            return "q5_k"
        return {"IQ1_S": "iq2_xxs", "IQ1_M": "iq2_xxs", "IQ2_S": "iq3_s", "IQ2_M": "iq3_s"}.get(preset)
    return None


def _more_bits(nth: int, layers: int) -> bool:
    """The first and the last eighth, and every third in between."""
    eighth = layers // 8
    return nth < eighth or nth >= 7 * layers // 8 or (nth - eighth) % 3 == 2


def _value(preset: str, _: Category, traits: Traits, at: Position) -> str | None:
    if traits.experts == 8:
        return "q8_0"
    rank, shared = at.rank, traits.gqa >= 4
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
    elif preset in ("Q4_K_M", "Q5_K_M") and _more_bits(rank, traits.values):
        form = "q6_k"
    elif preset == "Q4_K_S" and rank < 4:
        form = "q5_k"
    return "q5_k" if traits.seventy_b and form in ("q3_k", "q4_k") else form


def _key(preset: str, kind: Category, traits: Traits, _: Position) -> str | None:
    if kind is Category.KEY and traits.experts == 8:
        return "q8_0"
    return {"IQ3_XS": "iq3_xxs", "IQ3_XXS": "iq2_s"}.get(preset)


def _nth(traits: Traits, at: Position) -> int:
    """The layer of a mixture's tensor, although it may hold several of a category; the rank of a dense model's."""
    return at.layer if traits.experts > 1 else at.rank


def _down(preset: str, _: Category, traits: Traits, at: Position) -> str | None:
    nth, layers = _nth(traits, at), traits.layers
    early, more = nth < layers // 8, _more_bits(nth, layers)
    if preset == "Q2_K":
        return "q3_k"
    if preset == "IQ3_XXS":
        return "q4_k" if early else "q3_k"
    if preset == "Q3_K_M":
        if nth < layers // 16:
            return "q5_k"
        return "q4_k" if not traits.falcon or more else "q3_k"
    if preset == "Q3_K_L":
        return "q4_k" if traits.falcon else "q5_k"
    if preset == "Q4_K_M" and traits.falcon:
        return "q6_k" if nth < layers // 16 else "q5_k" if more else "q4_k"
    if preset == "IQ3_M" and (early or (traits.experts == 8 and more)):
        return "q4_k"
    if preset in ("Q4_K_M", "Q5_K_M") and more:
        return "q6_k"
    if early:
        if preset == "Q4_K_S" and traits.falcon:
            return None
        return {"Q2_K_S": "q4_k", "IQ4_NL": "q5_k", "IQ4_XS": "q5_k", "Q4_K_S": "q5_k"}.get(preset)
    return None


_MIXTRAL_OUTPUT = (
    *("Q2_K", "IQ3_XS", "IQ3_XXS", "Q3_K_S", "Q3_K_M", "IQ4_NL"),
    *("Q4_K_S", "Q4_K_M", "IQ3_S", "IQ3_M", "IQ4_XS"),
)
_OUTPUT = {"Q2_K": "q3_k", "IQ3_XXS": "iq3_s", "Q3_K_M": "q4_k", "Q3_K_L": "q5_k", "IQ3_M": "q4_k"}


def _attention_output(preset: str, _: Category, traits: Traits, __: Position) -> str | None:
    if traits.falcon:
        return "q4_k" if preset == "Q3_K_L" else None
    if traits.experts == 8:
        return "q5_k" if preset in _MIXTRAL_OUTPUT else None
    return _OUTPUT.get(preset)


def _middle(preset: str, _: Category, traits: Traits, at: Position) -> str | None:
    nth, layers = _nth(traits, at), traits.layers
    return "iq3_xxs" if preset == "IQ3_XS" and layers // 8 <= nth < 7 * layers // 8 else None


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
