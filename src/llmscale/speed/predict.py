"""Tokens per second and time to the first token, each with the range that holds the truth 95 times in 100.

The ranges were measured on one sequence on devices of one kind. For several sequences, for layers on unlike devices and
for classes of devices that nobody measured the law holds but its error was not measured: `measured` says so, and the
range is the widest, that of a class which the fit has not seen.
"""

from __future__ import annotations

from collections.abc import Sequence

from llmscale.records import NamedTuple
from llmscale.speed.law import Part, prefill_seconds, roofline, tokens_per_second
from llmscale.speed.load import Load, PromptFlops
from llmscale.speed.table import Setup


class Speed(NamedTuple):
    """A modelled figure.

    Attributes:
        value: the prediction.
        low: lower end of its range.
        high: upper end of its range.
        measured: whether the range was measured on cases of this kind.
    """

    value: float
    low: float
    high: float
    measured: bool


class Stage(NamedTuple):
    """Some of the layers, and the devices that they lie on."""

    load: Load
    setup: Setup


def decode(stages: Sequence[Stage], batch: int = 1) -> Speed:
    """Tokens per second of `batch` sequences together; stages run one after another."""
    parts = [Part(stage.load, stage.setup.machine) for stage in stages]
    value, most = tokens_per_second(parts, batch), roofline(parts, batch)
    ranges = [stage.setup.decode for stage in stages]
    if not _measured(stages, batch):
        low = min(min(stage.setup.unmeasured, stage.setup.decode.low) for stage in stages)
        return Speed(value, value * low, most, measured=False)
    highs = [most if bound.high is None else value * bound.high for bound in ranges]
    return Speed(value, value * min(bound.low for bound in ranges), min(max(highs), most), True)


def first_token(stages: Sequence[Stage], prompt: PromptFlops, tokens: float, chunk: float) -> Speed | None:
    """Seconds to the first token of one prompt of so many `tokens`, `chunk` of them in a pass; None if not known."""
    ranges = [stage.setup.prefill for stage in stages]
    seconds = prefill_seconds([Part(stage.load, stage.setup.machine) for stage in stages], prompt, tokens, chunk)
    known = [bound for bound in ranges if bound is not None and bound.high is not None]
    if seconds is None or len(known) < len(ranges):
        return None
    fastest, slowest = max(bound.high or 1.0 for bound in known), min(bound.low for bound in known)
    return Speed(seconds, seconds / fastest, seconds / slowest, _measured(stages, 1))


def prefill(stages: Sequence[Stage], prompt: PromptFlops, tokens: float, chunk: float) -> Speed | None:
    """Prompt tokens per second; None if not known."""
    time = first_token(stages, prompt, tokens, chunk)
    return time and Speed(tokens / time.value, tokens / time.high, tokens / time.low, time.measured)


def _measured(stages: Sequence[Stage], batch: int) -> bool:
    alike = len({stage.setup.machine._replace(devices=1) for stage in stages}) == 1
    return batch == 1 and alike and all(stage.setup.measured for stage in stages)
