"""transformers with PyTorch: what its classes have alive, and Qwen's published benchmarks.

`tests/truth/transformers_activations.json` is 5.23.0 itself, the release that is modelled. The published rows
(`tests/truth/transformers_memory.json`) are of older ones, so what these do otherwise is added here, not in llmscale:

- Qwen2.5, 4.46.0 with PyTorch 2.3 and FlashAttention-2 (its repository's requirements-perf-transformers.txt): the most
  that the allocator held, summed over the devices. Weights were loaded tensor by tensor, so blocks count (`allocator`).
  AutoGPTQ 0.7.1 keeps a buffer for one 4-bit matrix in FP16, the largest (``autogptq_post_init``). That AWQ's
  checkpoints of tied models hold a head of their own until it is tied was read off the one row where it shows.
- Qwen1.5 and Qwen2, before 4.45: FP32 logits of the whole prompt, cosines and sines of all positions in each layer, and
  in a step of the answer the whole cache twice, since the outputs of the step before held the old one. The last two
  were read off these rows.
- Qwen3, 4.51.3 on an H20, read while decoding. Half of a quantised model is loaded out of one block, all of another.
  SDPA of that release repeats K and V for all query heads; that only the AWQ rows ran on it was read off their growth.
  The FP8 rows of the three tied models take a second head, which was read off these five rows: no reason was found.

Both have cuBLAS's workspace in the allocator: 8.1 MiB, 32 MiB from Hopper on (``CublasHandlePool.cpp`` of ATen).
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle.campaigns import ACTIVATIONS
from tests.oracle.record import WHOLE, subject_id
from tests.oracle.subjects import shortened, subjects

from benchmarks.accuracy.rows import Comparison, Row
from llmscale.formats.catalogue import number_format, quant
from llmscale.formats.weights import assign_formats
from llmscale.model.blocks.attention import Attention
from llmscale.model.families import from_config
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.runtimes.interface import Workload
from llmscale.runtimes.subject import Exact
from llmscale.runtimes.transformers.allocator import held, tensor_sizes
from llmscale.runtimes.transformers.forward import is_traced, settled, simulate
from llmscale.runtimes.transformers.ops import Step
from llmscale.runtimes.transformers.rule import moments, most_of
from llmscale.runtimes.transformers.seq2seq import pair_of
from llmscale.sources.registry import load
from llmscale.units import GIB, MIB

TRUTH = Path(__file__).parents[2] / "tests" / "truth"
ACTIVE = "transformers activations and KV cache, its classes"
ENCODED = "transformers activations, encoders"
RULED = "transformers, models under the general rule"
#: The comparisons with what its classes have alive.
KINDS = (ACTIVE, ENCODED, RULED)
PEAK = "transformers peak, prefill and answer"
DECODE = "transformers memory at decode"
QUANTS = {
    "BF16": "bf16",
    "GPTQ-Int4": "gptq-int4-g128",
    "Int4": "gptq-int4-g128",
    "GPTQ-Int8": "gptq-int8-g128",
    "Int8": "gptq-int8-g128",
    "AWQ": "awq",
    "AWQ-INT4": "awq",
    "FP8": "fp8-block",
}
#: What was found before anything was mended, which the rows no longer show.
FIRST_SIGHT = (
    "At first sight of 33 families whose code had not been read but for norms, routers and activations: 228 prompts, "
    "median below 0.01 %, 90 % within 12.5 %, worst 28.6 %; then of 914 rows of further models: median 0.02 %, 90 % "
    "within 0.6 %, 95 % within 11 %. What these showed was mended."
)
FIRST_LATER = (
    "Of families added later, at first sight: 97 prompts of recurrent ones, median 0.4 %, 85 % within 2 %, worst "
    "8.8 %; 44 of encoder-decoders, median 0.02 %, 77 % within 2 %, worst 50 %."
)
FIRST_ENCODERS = (
    "At first sight of 21 models: 99 calls, 89 within 0.2 %, worst 28 %. What these showed was mended, but for "
    "DeBERTas that do not share their projections."
)
SPREAD = "before transformers 4.45 and on several GPUs: what was moved to the first of them is not known"
#: Families that were measured before transformers 4.45, and the positions that their classes held cosines and sines of.
OLDER = {"qwen1.5": 32_768, "qwen2": 32_768}
FIRST = "Qwen 1: its own modelling code of 2023"
BF16 = 2
#: More tokens than any text in the record.
TEXT = 1 << 20
#: cuBLAS's workspace: 4,096 KiB twice and 16 KiB eight times before Hopper.
WORKSPACE, HOPPER_WORKSPACE = 8 * MIB + 128 * 1024, 32 * MIB


class Recorded(NamedTuple):
    """The rows of one model.

    Attributes:
        kind: the comparison that they are of.
        below: of each prompt or call, whether no more was alive than an estimate by the rule gives at most.
    """

    kind: str
    rows: list[Row]
    below: list[bool]


def comparisons() -> Iterator[Comparison]:
    """What the classes have alive, and both kinds of published figure."""
    models = ACTIVATIONS.record.content()["models"]
    made_with = sorted({row["made_with"] for row in models.values()})
    libraries = " and ".join(each.replace(", ", " on the meta device of ") for each in made_with)
    source = f"{libraries}, without weights: `tests/truth/transformers_activations.json`."
    each = list(map(of_model, recorded()))
    traced, encoded, ruled = ([row for one in each for row in one.rows if one.kind == kind] for kind in KINDS)
    below = [under for one in each for under in one.below]
    still = [under for one in each if one.kind == RULED for under in one.below]
    yield Comparison(
        ACTIVE,
        f"{source} MiB. {FIRST_SIGHT} {FIRST_LATER}",
        traced,
        ("transformers", "alive"),
        mended=True,
    )
    yield Comparison(
        ENCODED, f"{source} MiB; one call, what it is given and what it answers included. {FIRST_ENCODERS}", encoded
    )
    told_of = ", ".join(
        f"of {len(found):,} {what} {sum(found) / len(found):.1%}"
        for what, found in (("recorded prompts and calls", below), ("of models under it", still))
    )
    yield Comparison(
        RULED,
        f"{source} MiB; what is not traced. An estimate goes up to ten times the rule, 25 times for what sees "
        f"pictures; below that lie {told_of}.",
        ruled,
    )
    rows = json.loads((TRUTH / "transformers_memory.json").read_text(encoding="utf-8"))["rows"]
    source = "Published by Qwen, GPU memory of torch's allocator: `tests/truth/transformers_memory.json`."
    yield Comparison(
        PEAK,
        f"{source} GiB with two decimals; figures of several GPUs are sums. What these releases and their loaders did "
        "otherwise is added, which no option says: whether the mechanism is understood, and no bound.",
        [_row(row, _peak(row) / GIB, row["mem_gb"], 0.005) for row in rows if "mem_gb" in row],
    )
    yield Comparison(
        DECODE,
        f"{source} transformers 4.51.3 on an H20, MiB. What its loader did is added as well.",
        [_row(row, _decode(row) / MIB, row["mem_mb"], 0.5) for row in rows if "mem_mb" in row],
    )


def recorded() -> list[str]:
    """The models that have a figure."""
    models = ACTIVATIONS.record.content()["models"]
    return [name for name, row in models.items() if row.get("generated") or row.get("called")]


@cache
def of_model(name: str) -> Recorded:
    """What is recorded of one model, beside what is predicted of it."""
    record = ACTIVATIONS.record.content()
    row = record["models"][name]
    cases = row.get("generated") or row["called"]
    spec, seen = _part(name, record["layers"]), subject_id(name) in set(record["looked_at"])
    below = [_below(spec, case) for case in cases]
    if not is_traced(spec):
        return Recorded(RULED, [_ruled(name, spec, case) for case in cases], below)
    if "generated" in row:
        return Recorded(ACTIVE, [one for case in cases for one in _alive(name, spec, case, seen=seen)], below)
    return Recorded(ENCODED, [_called(name, spec, case, seen=seen) for case in cases], below)


@cache
def _part(name: str, layers: int) -> ModelSpec:
    """The model as the record has it: cut to so many layers, unless it says ``whole``."""
    config = _configs()[subject_id(name)]
    return from_config(config if name.endswith(WHOLE) else shortened(config, layers), name)


@cache
def _configs() -> dict[str, dict[str, Any]]:
    return {subject.id: subject.config for subject in subjects()}


def _alive(name: str, spec: ModelSpec, case: list[Any], *, seen: bool) -> Iterator[Row]:
    attn, batch, tokens, static, prompt, answer, _ = case
    room = tokens + static if static else 0
    told_of = f"{name} {attn} {batch} x {tokens}{' static' if static else ''}"
    step = Step(batch, tokens, 0, BF16, eager=attn == "eager", static=room, source=tokens)
    yield Row(f"{told_of}, prompt", simulate(spec, step).peak / MIB, prompt / MIB, seen=seen)
    # A decoder beside an encoder begins with one token, whatever the encoder saw.
    after = step._replace(tokens=1, past=1 if pair_of(spec) else tokens, first=True)
    yield Row(f"{told_of}, answer", simulate(spec, after).peak / MIB, answer / MIB, seen=seen)


def _called(name: str, spec: ModelSpec, case: list[Any], *, seen: bool) -> Row:
    attn, batch, tokens, _, peak = case
    at = spec.sequence or min(tokens, _most(spec))
    step = Step(batch, at, 0, BF16, eager=attn == "eager")
    return Row(f"{name} {attn} {batch} x {at}", simulate(spec, step).peak / MIB, peak / MIB, seen=seen)


def _most(spec: ModelSpec) -> int:
    """Tokens of the longest text of a model that sees pictures too, which others are not asked to keep to."""
    towers = {placed.tower for placed in spec.placed}
    return spec.max_context or TEXT if "vision" in towers else TEXT


def _below(spec: ModelSpec, case: list[Any]) -> bool:
    """Whether no more was alive besides the cache than an estimate by the rule gives at most."""
    _, batch, tokens, _, peak, *_ = case
    kept, ruled = _by_rule(spec, batch, tokens)
    return bool(peak - kept <= ruled * most_of(_plain(spec)))


@cache
def _plain(spec: ModelSpec) -> Exact:
    return Exact(spec, inventory(spec), quant("bf16"))


def _by_rule(spec: ModelSpec, batch: int, tokens: int) -> tuple[int, int]:
    caches = _plain(spec).widths.caches
    kept = sum(batch * tokens * layer.layers * (layer.keys + layer.values) * BF16 for layer in caches)
    work = Workload(tokens, batch, number_format("fp16"), BF16)
    return kept, max(moments(_plain(spec), work).values())


def _ruled(name: str, spec: ModelSpec, case: list[Any]) -> Row:
    attn, batch, tokens, _, prompt, *_ = case
    return Row(f"{name} {attn} {batch} x {tokens}, prompt", sum(_by_rule(spec, batch, tokens)) / MIB, prompt / MIB)


def _row(row: dict[str, Any], ours: float, truth: float, rounding: float) -> Row:
    model = _spec(row).id
    family = model.partition("-")[0]
    unusual = FIRST if family == "qwen" else SPREAD if family in OLDER and row.get("gpus", 1) > 1 else ""
    named = [model, row["quant"], f"{row.get('input_len', '?')} + {row['output_len']} tokens"]
    if row["batch"] > 1:
        named.append(f"batch {row['batch']}")
    if row.get("gpus", 1) > 1:
        named.append(f"{row['gpus']} GPUs")
    return Row(" ".join(named), ours, truth, unusual, rounding, seen=True)


@cache
def _known(name: str) -> ModelSpec:
    return load(name).known()


def _spec(row: dict[str, Any]) -> ModelSpec:
    return _known(row["model"].removesuffix(f"-{row['quant']}"))


def _head(spec: ModelSpec) -> int:
    """Bytes of a second head; 0 for a model that has one of its own."""
    tied = any(group.tied_to for group in inventory(spec).groups)
    return spec.vocab_size * spec.hidden_size * BF16 if tied else 0


@cache
def _weights(name: str, form: str, warm: float) -> int:
    """Blocks of the weights; `warm` is the share of them that one block is taken for before."""
    spec = _known(name)
    sizes = tensor_sizes(assign_formats(quant(form), spec, inventory(spec)))
    return held(sizes, int(warm * sum(sizes)))


@cache
def _buffer(name: str, form: str) -> int:
    """AutoGPTQ's buffer for the largest 4-bit matrix in FP16."""
    spec = _known(name)
    packed = [each.group.shape for each in assign_formats(quant(form), spec, inventory(spec)) if each.form.bits < 8]
    return max(rows * columns for rows, columns in packed) * BF16


def _cosines(spec: ModelSpec, positions: int) -> int:
    """What each layer held of cosines and sines of so many positions."""
    heads = [placed for placed in spec.placed if isinstance(placed.block, Attention)]
    return sum(2 * len(placed.layers) * positions * placed.block.head_dim * BF16 for placed in heads)  # type: ignore[attr-defined]


def _step(row: dict[str, Any], tokens: int, past: int, *, grouped: bool = True) -> Step:
    return Step(row["batch"], tokens, past, BF16, flash=grouped, copied_experts=0, grouped=grouped)


def _peak(row: dict[str, Any]) -> int:
    """The largest of loading, prompt and answer; each device has activations of its own for the prompt."""
    spec, form, devices = _spec(row), QUANTS[row["quant"]], row.get("gpus") or 1
    tokens = row.get("input_len", 1)
    first = _step(row, tokens, 0)
    prompt = simulate(spec, first).peak
    embedded = first.rows * spec.hidden_size * BF16  # only on the first device
    prompt += (devices - 1) * (prompt - settled(spec, first) - embedded)
    last = _step(row, 1, tokens + row["output_len"] - 1)
    answer = simulate(spec, last).peak
    loading = _head(spec) if form == "awq" else 0
    older = OLDER.get(spec.id.partition("-")[0])
    if older:
        prompt = simulate(spec, first._replace(all_logits=True)).peak
        answer += settled(spec, last)
        prompt, answer = (peak + _cosines(spec, older) for peak in (prompt, answer))
    buffer = _buffer(spec.id, form) if row["quant"] in ("GPTQ-Int4", "Int4") else 0
    return _weights(spec.id, form, 0) + max(prompt, answer, loading) + devices * (WORKSPACE + buffer)


def _decode(row: dict[str, Any]) -> int:
    spec, form = _spec(row), QUANTS[row["quant"]]
    past = row.get("input_len", 1) + row["output_len"] - 1
    answer = simulate(spec, _step(row, 1, past, grouped=form != "awq")).peak
    second = _head(spec) if form == "fp8-block" else 0
    return _weights(spec.id, form, 1 if form == "bf16" else 0.5) + second + answer + HOPPER_WORKSPACE
