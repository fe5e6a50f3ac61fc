"""``scaling``: what more parameters or tokens would bring, and the best share of a compute, by each published law."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.scaling import ChangeLine, LawLine, ScalingResult, ServingLine
from llmscale.answers.scaling_budget import buys
from llmscale.answers.scaling_trained import trained_models
from llmscale.errors import UndisclosedError, UsageError
from llmscale.model.inventory import inventory
from llmscale.notes import note
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load
from llmscale.training.allocation import (
    ALLOCATIONS,
    OVER_TRAINING,
    experts_loss,
    kaplan_loss,
    turning_point,
    with_serving,
)
from llmscale.training.scaling import LAWS, Law, effective_tokens

DEFAULT = "besiroglu"
MOST_GRANULAR = 64


def scaling(
    model: str | None = None,
    *,
    params: int | None = None,
    tokens: int | None = None,
    flops: float | None = None,
    unique_tokens: int | None = None,
    serve_tokens: int | None = None,
    granularity: float | None = None,
    budget: float | None = None,
    device: str | None = None,
    price: float | None = None,
    catalogue_models: bool = False,
) -> ScalingResult:
    """Loss and best allocation of a size and tokens, or of a compute.

    Raises:
        UsageError: nothing to go by, or two things that say the same.
    """
    bought = None
    if budget is not None:
        if flops is not None or tokens is not None or params is not None or model:
            raise UsageError("--budget says the compute, and with it size and tokens.", "Give it alone, with --gpu.")
        bought = buys(budget, device, price)
        flops = bought.flops
    if granularity is not None and not 1 <= granularity <= MOST_GRANULAR:
        raise UsageError(f"--granularity must lie between 1 and {MOST_GRANULAR}.", "Usual are 1 to 16.")
    if flops is not None and (model or params is not None or tokens is not None):
        raise UsageError("--flops says both size and tokens.", "Give it alone, or --params with --tokens.")
    if catalogue_models and model is None and params is None and flops is None:
        flops = 5.76e23
    if (model is None) == (params is None) and flops is None:
        raise UsageError("One of MODEL, --params and --flops is needed.", "llmscale scaling --params 7B --tokens 2T")
    if flops is not None:
        n, d = LAWS[DEFAULT].optimum(flops)
        name = f"{flops:.3g} FLOP"
    else:
        name, n = (model, _size(model)) if model is not None else (f"{params:,}", float(params or 0))
        d = float(tokens) if tokens is not None else LAWS[DEFAULT].tokens_for(n)
    if n < 1 or d < 1:
        raise UsageError("Parameters and tokens must be at least 1.", "--params 7B --tokens 2T")
    worth = effective_tokens(d, float(unique_tokens)) if unique_tokens else d
    return ScalingResult(
        name=name,
        effective_tokens=round(worth),
        asked=tuple(_asked(n, d, worth, granularity)),
        optimal=tuple(_optimal(6 * n * d)),
        changes=tuple(_changes(LAWS[DEFAULT], n, worth)),
        turning_point_flops=turning_point(LAWS[DEFAULT]),
        serving=_serving(n, worth, serve_tokens) if serve_tokens else None,
        trained=tuple(trained_models(model, catalogue_models, LAWS[DEFAULT])),
        budget=bought,
        notes=(note("laws_not_comparable"), *((note("no_law_of_tuning"),) if unique_tokens else ())),
    )


def compute(text: str) -> float:
    """Read a number of FLOP.

    Raises:
        UsageError: no number, or none that anybody could spend.
    """
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 1e12 <= value <= 1e32:
        raise UsageError(f"--flops '{text}' is no compute between 1e12 and 1e32.", "As 1e24.")
    return value


def _size(model: str) -> float:
    loaded = load(model)
    if isinstance(loaded, Undisclosed):
        raise UndisclosedError(f"Nobody outside knows the size of {loaded.entry.name}.", "Give --params.")
    parts = inventory(loaded.spec)
    if parts.active() != parts.total():
        raise UsageError(
            f"{loaded.spec.name} is a mixture of experts, and these laws were fitted on dense models.",
            "Give --params to treat it as a dense one of some size.",
        )
    return float(parts.total())


def _line(key: str, law: Law, n: float, d: float, worth: float | None = None) -> LawLine:
    loss = law.loss(n, d if worth is None else worth)
    return LawLine(key, law.title, law.source, round(n), round(d), d / n, 6 * n * d, loss, law.covers(n, d))


def _asked(n: float, d: float, worth: float, granularity: float | None) -> Iterator[LawLine]:
    yield from (_line(key, law, n, d, worth) for key, law in LAWS.items())
    for key, over in OVER_TRAINING.items():
        inside = 11e6 <= n <= 6.9e9 and 20 <= d / n <= 640
        yield _bare(key, over.title, "arXiv:2403.08540 table 6 (recalled)", n, d, over.loss(n, worth), inside)
    yield _bare("kaplan", "Kaplan (superseded)", "arXiv:2001.08361", n, d, kaplan_loss(n, worth), n <= 1.5e9)
    if granularity:
        loss, inside = experts_loss(n, worth, granularity), 129e6 <= n <= 3.7e9 and 16e9 <= d <= 130e9
        yield _bare("krajewski", f"MoE, granularity {granularity:g}", "arXiv:2402.07871 (recalled)", n, d, loss, inside)


def _optimal(flops: float) -> Iterator[LawLine]:
    yield from (_line(key, law, *law.optimum(flops)) for key, law in LAWS.items())
    for name, each in ALLOCATIONS.items():
        yield _bare(name, each.title, each.source, *each.share(flops), None, each.lowest <= flops <= each.highest)


def _bare(key: str, title: str, source: str, n: float, d: float, loss: float | None, inside: bool) -> LawLine:
    return LawLine(key, title, source, round(n), round(d), d / n, 6 * n * d, loss, inside)


def _serving(n: float, d: float, served: int) -> ServingLine:
    size, tokens = with_serving(LAWS[DEFAULT], n, d, served)
    before, after = 6 * n * d + 2 * n * served, 6 * size * tokens + 2 * size * served
    return ServingLine(served, round(size), round(tokens), after, 100 * (1 - after / before))


def _changes(law: Law, n: float, d: float) -> Iterator[ChangeLine]:
    now = law.loss(n, d)
    for change, more_n, more_d in (("2x parameters", 2, 1), ("2x tokens", 1, 2), ("2x both", 2, 2)):
        loss = law.loss(more_n * n, more_d * d)
        gone = 100 * (now - loss) / (now - law.e)
        flops, inside = 6 * more_n * n * more_d * d, law.covers(more_n * n, more_d * d)
        yield ChangeLine(change, round(more_n * n), round(more_d * d), flops, loss, gone, inside)
