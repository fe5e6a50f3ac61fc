"""``scaling``: what more parameters or tokens would bring, and the best share of a compute, by each published law."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.scaling import ChangeLine, LawLine, ScalingResult
from llmscale.errors import UndisclosedError, UsageError
from llmscale.model.inventory import inventory
from llmscale.notes import note
from llmscale.sources.interface import Undisclosed
from llmscale.sources.registry import load
from llmscale.training.scaling import LAWS, Law, effective_tokens

DEFAULT = "besiroglu"


def scaling(
    model: str | None = None,
    *,
    params: int | None = None,
    tokens: int | None = None,
    flops: float | None = None,
    unique_tokens: int | None = None,
) -> ScalingResult:
    """Loss and best allocation of a size and tokens, or of a compute.

    Raises:
        UsageError: nothing to go by, or two things that say the same.
    """
    if flops is not None and (model or params is not None or tokens is not None):
        raise UsageError("--flops says both size and tokens.", "Give it alone, or --params with --tokens.")
    if (model is None) == (params is None) and flops is None:
        raise UsageError("One of MODEL, --params and --flops is needed.", "llmscale scaling --params 7B --tokens 2T")
    if flops is not None:
        n, d = LAWS[DEFAULT].optimum(flops)
        name = f"{flops:.3g} FLOP"
    else:
        name, n = (model, _size(model)) if model else (f"{params:,}", float(params or 0))
        d = float(tokens) if tokens is not None else LAWS[DEFAULT].tokens_for(n)
    if n < 1 or d < 1:
        raise UsageError("Parameters and tokens must be at least 1.", "--params 7B --tokens 2T")
    worth = effective_tokens(d, float(unique_tokens)) if unique_tokens else d
    return ScalingResult(
        name=name,
        effective_tokens=round(worth),
        asked=tuple(_line(key, law, n, d, worth) for key, law in LAWS.items()),
        optimal=tuple(_line(key, law, *law.optimum(6 * n * d)) for key, law in LAWS.items()),
        changes=tuple(_changes(LAWS[DEFAULT], n, worth)),
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


def _changes(law: Law, n: float, d: float) -> Iterator[ChangeLine]:
    now = law.loss(n, d)
    for change, more_n, more_d in (("2x parameters", 2, 1), ("2x tokens", 1, 2), ("2x both", 2, 2)):
        loss = law.loss(more_n * n, more_d * d)
        gone = 100 * (now - loss) / (now - law.e)
        flops, inside = 6 * more_n * n * more_d * d, law.covers(more_n * n, more_d * d)
        yield ChangeLine(change, round(more_n * n), round(more_d * d), flops, loss, gone, inside)
