"""``llmscale`` alone: what this machine is, the best models for it, and what to ask next."""

from __future__ import annotations

from llmscale.answers.fits import fits
from llmscale.answers.machine import local_machine
from llmscale.answers.results.fits import FitsResult
from llmscale.answers.results.start import StartResult
from llmscale.devices.detect.registry import machine
from llmscale.devices.local import LOCAL

#: Models that are shown.
BEST = 3
#: Where there is no GPU: what to ask of one that is named.
QUESTIONS = {
    "run": "llmscale fits rtx4060",
    "fit": "llmscale estimate llama-3.1-8b --gpu rtx4060",
    "need": "llmscale needs llama-3.1-70b",
}


def start() -> StartResult:
    """See the module."""
    found = local_machine()
    best = fits(LOCAL, limit=BEST) if found.devices else None
    if not isinstance(best, FitsResult):
        return StartResult(found, None, QUESTIONS)
    return StartResult(found, best, _next(best))


def _next(best: FitsResult) -> dict[str, str]:
    """What to ask where there is a GPU: for all rows, for the first one, and what its quant is."""
    asked = {"all": f"llmscale fits {LOCAL}"}
    line = next((line for line in best.models if line.fits), None)
    if line is not None:
        asked["one"] = f"llmscale estimate {line.id} -q {line.quant} --gpu {LOCAL} --command"
        asked["word"] = f"llmscale explain {line.quant}"
    return asked


def here() -> str | None:
    """What stands for the devices of this machine; None where it has none."""
    return LOCAL if machine().devices else None
