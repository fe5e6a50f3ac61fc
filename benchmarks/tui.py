"""How long a change on the screen of `llmscale tui` takes until its answer stands there, over the whole catalogue.

Run: ``python -m benchmarks.tui`` in an environment with the extra [tui]. Each model is moved to, then each setting of
one model is changed; the time is from the change to the drawn answer, and the processor's share of it is given apart.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from statistics import median, quantiles

from llmscale.api.functions import models, quants
from llmscale.render.words import words
from llmscale.tui.app import Screenful
from llmscale.tui.choice import Asking

START = Asking("qwen3-8b", "q4_k_m", "8k", gpus=("rtx4090",))
CONTEXTS = ("1k", "2k", "4k", "8k", "16k", "32k", "40k")
USERS = tuple(map(str, range(1, 17)))
CARDS = (("rtx4090",), ("2x rtx3090",), ("rtx4090", "rtx3060", "h100"), ("24GiB",), ())


def changes() -> Iterator[tuple[str, Asking]]:
    """Questions by what is changed."""
    for line in models().models:
        yield "model", START._replace(model=line.id)
    for quant in quants().quants:
        yield "quant", START._replace(quant=quant.id)
    yield from (("context", START._replace(context=tokens)) for tokens in CONTEXTS)
    yield from (("users", START._replace(users=users)) for users in USERS)
    yield from (("device", START._replace(gpus=gpus)) for gpus in CARDS)


async def timed(times: dict[str, list[tuple[float, float]]]) -> None:
    """Each change once, behind the one before it."""
    screen = Screenful(START, words("en"))
    async with screen.run_test(size=(120, 40)):
        await screen.workers.wait_for_complete()
        for kind, choice in changes():
            begun, used = time.perf_counter(), time.process_time()
            screen.choice = choice
            screen.follow()
            await screen.workers.wait_for_complete()
            spent = time.perf_counter() - begun, time.process_time() - used
            times.setdefault(kind, []).append(spent)


def main() -> None:
    """Print median, 95th of 100 and the most, in milliseconds; the first round fills what is read once."""
    for name in ("first", "again"):
        times: dict[str, list[tuple[float, float]]] = {}
        asyncio.run(timed(times))
        for kind, spent in times.items():
            for what, values in zip(("elapsed", "processor"), zip(*spent, strict=True), strict=True):
                ms = [1000 * value for value in values]
                late = quantiles(ms, n=20)[-1]
                print(f"{name:6} {kind:8} {len(ms):4} {what:10} {median(ms):7.1f} {late:7.1f} {max(ms):7.1f}")


if __name__ == "__main__":
    main()
