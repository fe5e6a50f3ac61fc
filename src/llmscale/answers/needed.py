"""``needs`` as one question: devices that hold a model, or, where users are named, devices that serve them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscale.answers.load import load_of
from llmscale.answers.needs import needs
from llmscale.answers.results.needs import NeedsResult
from llmscale.answers.results.needs_load import NeedsLoadResult


def needed(
    reference: str,
    quants: Sequence[str] = (),
    *,
    context: int | None = None,
    batch: int = 1,
    users: int | None = None,
    prompt: int | None = None,
    answer: int | None = None,
    ttft: str | None = None,
    tpot: str | None = None,
    **others: Any,
) -> NeedsResult | NeedsLoadResult:
    """Which devices a model takes; of many users which serve them fast enough.

    Args:
        users, prompt, answer, ttft, tpot: as in `load_of`.
        others: what both answers take.

    Raises:
        UsageError: half a question, or users and a context.
    """
    load = load_of(users, prompt, answer, ttft, tpot, sized=context is not None or batch != 1)
    if load is None:
        return needs(reference, quants, context=context, batch=batch, **others)
    from llmscale.answers.needs_load import needs_load

    return needs_load(reference, load, quants, **others)
