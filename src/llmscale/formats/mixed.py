"""Formats by part of the model (``--quant-map``), as rules over tensors that stand before a quant's own.

Over a preset of llama-quantize they replace its choice for the tensors they name, as ``llama-quantize --tensor-type``
does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from llmscale.errors import NotFoundError, UnsupportedModelError, UsageError
from llmscale.formats.catalogue import format_of, number_format, quant
from llmscale.formats.recipe import LINEAR, REST, Quant, StoredTensor, selects
from llmscale.model.inventory import COMPONENTS
from llmscale.names import nearest

#: What people call parts of a model.
SHORT = {
    "attn": "attention",
    "self_attn": "attention",
    "ffn": "mlp",
    "embed": "embedding",
    "embeddings": "embedding",
    "embed_tokens": "embedding",
    "token_embd": "embedding",
    "exps": "experts",
    "expert": "experts",
    "moe": "experts",
    "shexp": "shared_experts",
    "shared": "shared_experts",
    "lm_head": "head",
    "output": "head",
    "gate_inp": "router",
    "ssm": "recurrent",
    "mamba": "recurrent",
    "mmproj": "projector",
}
EXAMPLE = "For example --quant-map 'attn=q8_0,experts=q4_k,embed=f16'."

#: What ggml has under the names of others, and the widths that it shares with everybody.
GGML_TWINS = {"mxfp4": "mxfp4_ggml", "nvfp4": "nvfp4_ggml"}
GGML_PLAIN = {"fp32", "fp16", "bf16"}


def parse_map(text: str) -> dict[str, str]:
    """Rules from ``attn=q8_0,experts=q4_k,*.embed=f16``, in that order: what a tensor is to the id of a format.

    Raises:
        UsageError: not of that form, or a part given twice.
        NotFoundError: a part or a format that nobody knows.
    """
    rules: dict[str, str] = {}
    for pair in text.split(","):
        part, equals, form = (piece.strip() for piece in pair.partition("="))
        if not (part and equals and form):
            raise UsageError(f"'{pair.strip()}' in the quant map is not PART=FORMAT.", EXAMPLE)
        selector = parse_selector(part)
        if selector in rules:
            raise UsageError(f"The quant map names {part} twice.", EXAMPLE)
        rules[selector] = parse_format(form)
    return rules


def parse_selector(part: str) -> str:
    """The selector that `part` means: a component by any of its names, a role, or a pattern of roles or names.

    Raises:
        UsageError: ``*``, for which the base quant stands.
        NotFoundError: a word that is no component.
    """
    if part == REST:
        raise UsageError("What the quant map does not name stays as --quant has it.", EXAMPLE)
    word = part.removeprefix("*.").removesuffix(".*").lower()
    word = SHORT.get(word, word)
    if word in COMPONENTS or word == LINEAR:
        return word
    head, dot, tail = part.partition(".")
    if dot or "*" in part:
        return f"{SHORT.get(head, head)}{dot}{tail}"
    words = (*COMPONENTS, *SHORT, LINEAR)
    raise NotFoundError(
        f"There is no part of a model called '{part}'.",
        f"Did you mean {' or '.join(near)}?" if (near := nearest(part, words)) else f"Known: {', '.join(words)}.",
    )


def parse_format(name: str) -> str:
    """The id of the number format of that name; of a quant's, the one that it gives linear layers.

    Raises:
        NotFoundError: nobody knows it.
        UsageError: a preset, which is no single format.
    """
    try:
        return number_format(name).id
    except NotFoundError as error:
        message = error.message
    try:
        known = quant(name)
    except NotFoundError:
        raise NotFoundError(message, "Known are types of llama.cpp (q8_0, q4_k) and quants (bf16, fp8, nf4).") from None
    if known.kind == "gguf":
        raise UsageError(f"{known.name} is a mix of types, not one.", "Name a type, for example q4_k.")
    return known.rules.get(LINEAR) or known.rules[next(iter(known.rules))]


def mapped(base: Quant, rules: Mapping[str, str]) -> Quant:
    """`base` with `rules` before its own; over a preset they replace its choice.

    Raises:
        UsageError: a format that a GGUF file does not hold, over a preset.
    """
    if base.kind == "gguf":
        rules = {part: _in_gguf(form) for part, form in rules.items()}
    said = ",".join(f"{part}={form}" for part, form in rules.items())
    own = {part: form for part, form in base.rules.items() if part not in rules}
    return replace(base, id=f"{base.id}+map", name=f"{base.name} + {said}", rules={**rules, **own})


def _in_gguf(form_id: str) -> str:
    twin = GGML_TWINS.get(form_id, form_id)
    form = format_of(twin)
    if twin not in GGML_PLAIN and not form.source.startswith("ggml/"):
        raise UsageError(
            f"A GGUF file holds no tensor in {form.name}.", "Name a type of ggml: q8_0, q4_k, iq4_xs, f16."
        )
    return twin


def overridden(stored: Iterable[StoredTensor], rules: Mapping[str, str]) -> tuple[StoredTensor, ...]:
    """Tensors with the formats that `rules` name for them, all others as they were.

    Raises:
        UnsupportedModelError: a format that cannot hold the shape.
    """
    return tuple(_overridden(each, rules) for each in stored)


def _overridden(each: StoredTensor, rules: Mapping[str, str]) -> StoredTensor:
    group = each.group
    asked_for = next((form for rule, form in rules.items() if selects(rule, group)), None)
    if asked_for is None or len(group.shape) < 2:
        return each
    form = format_of(asked_for)
    if not form.holds(group.shape):
        raise UnsupportedModelError(
            f"{form.name} cannot hold {group.name}: its rows have {group.shape[-1]:,} columns, not a multiple of "
            f"{form.multiple}.",
            "Name another format for it in --quant-map.",
        )
    return each._replace(form=form)


def unmatched(rules: Mapping[str, str], stored: Iterable[StoredTensor]) -> list[str]:
    """The rules that name no matrix of the model: a slip, or a part that it has not."""
    groups = [each.group for each in stored if len(each.group.shape) >= 2]
    return [rule for rule in rules if rule != REST and not any(selects(rule, group) for group in groups)]
