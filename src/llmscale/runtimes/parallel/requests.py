"""How servers say that fewer sequences of the whole context run at once than are asked for, or may."""

from __future__ import annotations

from llmscale.notes import note
from llmscale.runtimes.placed import Limit, Verdict


def fewer(requests: float, asked: int) -> Limit | None:
    """That so many run at once; None where they are as many as are asked for."""
    return None if requests >= asked else _fewer(requests, asked)


def perhaps_fewer(least: float, requests: float, most: float, asked: int) -> Limit | None:
    """The same of a count with a range: no where the most are too few, maybe where the least are."""
    if least >= asked:
        return None
    if most < asked:
        return _fewer(requests, asked)
    return Limit(note("perhaps_fewer_requests", least=round(least, 2), asked=asked), Verdict.MAYBE)


def _fewer(requests: float, asked: int) -> Limit:
    return Limit(note("fewer_requests", requests=round(requests, 2), asked=asked), Verdict.NO)
