"""Recipes of one's own: formats by part (``--quant-map``), "about this many bits" (``4.5bpw``), or a file of either.

All end in a `Quant` like any other, with rules over tensors (`llmscale.formats.recipe`). Over a preset of
llama-quantize the rules stand beside the preset, and take the place of its choice for the tensors they name, as
``llama-quantize --tensor-type`` does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from llmscale.errors import NotFoundError, UnsupportedModelError, UsageError
from llmscale.formats.catalogue import format_of, number_format, quant
from llmscale.formats.layout import AT
from llmscale.formats.recipe import LINEAR, REST, Allotted, Quant, selects
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
#: What EXL2 makes of a head of so many bits: parts in more bits, and 4-bit scales (exllamav2/conversion/qparams.py).
EXL2_HEADS = {2: 2.725, 3: 3.275, 4: 4.425, 5: 5.18125, 6: 6.33125, 8: 8.03125}
_ASKED = re.compile(r"(?:(exl[23])[-_ ]?)?(\d+(?:\.\d+)?)[-_ ]?bpw(?:[-_ ]?h(\d+))?", re.IGNORECASE)
_SUFFIXES = (".yaml", ".yml")


def named(text: str) -> Quant:
    """The quant that `text` means: a recipe file, bits that are asked for, or one of the catalogue.

    Raises:
        NotFoundError: nothing goes by that name.
        InputFileError: a recipe file that cannot be read or does not fit.
        UsageError: bits that cannot be meant.
    """
    if text.lower().endswith(_SUFFIXES):
        from llmscale.formats.recipe_file import read_recipe  # brings YAML and pydantic

        return read_recipe(text)
    try:
        return quant(text)
    except NotFoundError:
        if (found := asked(text)) is None:
            raise
        return found


def asked(text: str) -> Quant | None:
    """``4.5bpw``, ``exl2-4.65bpw-h8`` or ``exl3-3.5bpw``; None when it is none of them.

    Raises:
        UsageError: bits that the tool does not offer.
    """
    found = _ASKED.fullmatch(text.strip())
    if found is None:
        return None
    tool, bits, head = (found[1] or "").lower(), float(found[2]), found[3]
    if not tool:
        if head:
            raise UsageError("Bits of the head go with exl2 or exl3.", "For example exl2-4.5bpw-h8.")
        return _average(_within(bits, 1, 16))
    if tool == "exl3":
        return _exl3(_within(bits, 1, 8), int(head or 6))
    return _exl2(_within(bits, 2, 8), int(head or 6))


def _within(bits: float, least: int, most: int) -> float:
    if not least <= bits <= most:
        raise UsageError(f"{bits:g} bits a weight lie outside {least} to {most}.", "For example 4.5bpw.")
    return bits


def _average(bits: float) -> Quant:
    return Quant(
        id=f"{bits:g}bpw",
        name=f"{bits:g} bpw",
        kind="rules",
        bits=bits,
        runtime="llama.cpp",
        activation_bytes=2,
        source="the bits that were asked for",
        rules={REST: f"average{AT}{bits:g}"},
        readers=["any"],
        estimated="The average that was asked for, over all weights; what a tool writes differs a little.",
    )


def _exl2(bits: float, head: int) -> Quant:
    if head not in EXL2_HEADS:
        raise UsageError(f"EXL2 has no head of {head} bits.", f"Known: {', '.join(map(str, EXL2_HEADS))}.")
    base = quant("exl2-4bpw")
    rules = {**base.rules, LINEAR: f"average{AT}{bits:g}", "head": f"average{AT}{EXL2_HEADS[head]:g}"}
    return replace(base, id=f"exl2-{bits:g}bpw-h{head}", name=f"EXL2 {bits:g} bpw, head {head}", bits=bits, rules=rules)


def _exl3(bits: float, head: int) -> Quant:
    if not 1 <= head <= 8:
        raise UsageError(f"EXL3 has no head of {head} bits.", "Known: 1 to 8.")
    base = quant("exl3-4bpw")
    rules = {**base.rules, LINEAR: f"exl3_4{AT}{bits:g}", "head": f"exl3_4{AT}{head}"}
    mixed = "The converter gives each tensor whole bits and stays at or just under the average asked for."
    estimated = "" if bits == int(bits) else mixed
    name = f"EXL3 {bits:g} bpw, head {head}"
    return replace(base, id=f"exl3-{bits:g}bpw-h{head}", name=name, bits=bits, rules=rules, estimated=estimated)


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
    """`base` with `rules` before its own; over a preset they take the place of its choice.

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


def overridden(allotted: Iterable[Allotted], rules: Mapping[str, str]) -> tuple[Allotted, ...]:
    """Tensors with the formats that `rules` name for them, all others as they were.

    Raises:
        UnsupportedModelError: a format that cannot hold the shape.
    """
    return tuple(_overridden(each, rules) for each in allotted)


def _overridden(each: Allotted, rules: Mapping[str, str]) -> Allotted:
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


def unmatched(rules: Mapping[str, str], allotted: Iterable[Allotted]) -> list[str]:
    """The rules that name no matrix of the model: a slip, or a part that it has not."""
    groups = [each.group for each in allotted if len(each.group.shape) >= 2]
    return [rule for rule in rules if rule != REST and not any(selects(rule, group) for group in groups)]
