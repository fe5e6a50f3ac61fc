"""``plot memory MODEL``: memory against context, a line for each format; with `parts` what the bytes of one are for."""

from __future__ import annotations

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit, Estimate, EstimateResult
from llmscale.errors import UsageError
from llmscale.pictures.asked import (
    FIRST_CONTEXTS,
    MOST_LINES,
    PictureAsked,
    contexts,
    gibs,
    made_by,
    plain,
    tokens_label,
)
from llmscale.pictures.axes import doublings, linear
from llmscale.pictures.picture import Bar, Bars, Chart, Limit, Picture, Series, Spot
from llmscale.render.words import Words

takes = "model"
#: What is drawn where no format is named: 16, 8 and 4 bits.
USUAL = ("f16", "q8_0", "q4_k_m")
#: What bytes are for, as an estimate names them, and as a picture does.
PARTS = {
    "weights": "Weights",
    "kv_cache": "KV cache",
    "state": "State",
    "compute": "Compute",
    "overhead": "Overhead",
    "mmproj": "Vision tower",
    "draft": "Draft",
}
#: Notes that say that a longer context is none: the model was not made for it, or it has no such thing.
ENDS = {"context_beyond_limit", "context_beyond_limits", "context_changes_nothing"}


def draw(asked: PictureAsked, say: Words) -> Picture:
    """See the module.

    Raises:
        UsageError: several formats of which the parts are wanted, or more than can be told apart.
    """
    quants = asked.quants or (() if asked.runtime else USUAL[2:] if asked.parts else USUAL)
    if asked.parts and len(quants) > 1:
        raise UsageError("--parts shows what the bytes of one format are for.", "Name one with --quant.")
    answers = answers_by_context(asked, quants)
    if len(answers[0].estimates) > MOST_LINES:
        raise UsageError(f"More than {MOST_LINES} lines cannot be told apart.", "Name fewer with --quant.")
    return _parts(answers, say) if asked.parts else _lines(answers, say)


def answers_by_context(asked: PictureAsked, quants: tuple[str, ...]) -> list[EstimateResult]:
    """An answer for each context, up to the model's own limit unless a longer one was named."""
    for first in FIRST_CONTEXTS:
        found: list[EstimateResult] = []
        for tokens in contexts(asked, first):
            answer = _answer(asked, quants, tokens)
            if asked.context is None and {told.code for told in answer.notes} & ENDS:
                break
            found.append(answer)
        if found:
            return found
    return [_answer(asked, quants, None)]


def _answer(asked: PictureAsked, quants: tuple[str, ...], tokens: int | None) -> EstimateResult:
    return estimate(
        asked.subject,
        quants,
        context=tokens,
        batch=asked.batch,
        kv_dtype=asked.kv_dtype,
        runtime=asked.runtime,
        gpus=[asked.gpu] if asked.gpu else (),
        reserve=asked.reserve,
        options=asked.options,
        catalogue=asked.catalogue,
    )


def on_device(line: Estimate) -> int:
    """What lies on a device: on the one that was named, else on the largest of the common sizes."""
    return line.devices[-1].used_bytes if line.devices else line.total_bytes


def _lines(answers: list[EstimateResult], say: Words) -> Chart:
    first = answers[0]
    series = tuple(
        Series(
            line.quant.upper(),
            tuple(
                Spot(answer.context, gibs(on_device(each)))
                for answer in answers
                for each in answer.estimates
                if each.quant == line.quant
            ),
            joined=True,
        )
        for line in first.estimates
    )
    values = [spot.y for one in series for spot in one.spots]
    return Chart(
        f"{say('Memory of')} {first.model.name}",
        doublings(say("Context, tokens"), [answer.context for answer in answers], tokens_label),
        linear(say("GiB on the device"), values, plain),
        series,
        _cards(first.estimates[0].devices, max(values)),
        _caption(answers, say),
    )


def _parts(answers: list[EstimateResult], say: Words) -> Bars:
    there = [name for name in PARTS if any(getattr(answer.estimates[0], f"{name}_bytes") for answer in answers)]
    bars = []
    for answer in answers:
        line = answer.estimates[0]
        sizes = [getattr(line, f"{name}_bytes") or 0 for name in there]
        total = gibs(line.total_bytes)
        bars.append(Bar(tokens_label(answer.context), tuple(map(gibs, sizes)), f"{total:,.2f}"))
    first = answers[0]
    most = gibs(max(answer.estimates[0].total_bytes for answer in answers))
    return Bars(
        f"{say('Memory of')} {first.model.name}, {first.estimates[0].quant.upper()}",
        linear(say("GiB by context, in host memory too"), [most], plain),
        tuple(say(PARTS[name]) for name in there),
        tuple(bars),
        (),
        _caption(answers, say),
    )


def _cards(devices: tuple[DeviceFit, ...], most: float) -> tuple[Limit, ...]:
    """What may be used of cards, as far as the picture reaches."""
    return tuple(
        Limit(gibs(device.usable_bytes), device.id.replace("gib", " GiB"))
        for device in devices
        if gibs(device.usable_bytes) <= most * 1.15
    )


def _caption(answers: list[EstimateResult], say: Words) -> tuple[str, ...]:
    last = answers[-1]
    notes = dict.fromkeys(say.sentence(told) for answer in answers for told in answer.notes)
    drawn_from = [f"{say('Hyper-parameters')}: {last.model.source}"] if last.model.source else []
    runtimes = dict.fromkeys(f"{line.runtime} {line.release}".strip() for line in last.estimates)
    sequences = f"{say('Sequences')}: {last.batch}, KV: {last.kv_dtype}"
    return (sequences, *notes, *drawn_from, made_by(", ".join(runtimes)))
