"""What compute a sum of money buys."""

from __future__ import annotations

import re

from llmscale.answers.results.scaling import BudgetLine
from llmscale.answers.train_compute import generations, newest_prices
from llmscale.devices import device as catalogue
from llmscale.devices.sets import device_set
from llmscale.errors import UsageError
from llmscale.training.efficiency import GENERATIONS, AskedRun, expected

UNITS = {"": 1.0, "K": 1e3, "M": 1e6, "B": 1e9}
MOST_USD = 1e13
#: A size in the middle of those that were published: what share is reached hardly hangs on it.
MIDDLING = 7_000_000_000


def money(text: str) -> float:
    """USD of ``$1M``, ``250k``, ``1,000``.

    Raises:
        UsageError: no sum of money.
    """
    match = re.fullmatch(r"\s*(?:\$|USD)?\s*(\d[\d,]*(?:\.\d+)?)\s*([KMB]?)\s*(?:\$|USD)?\s*", text, re.IGNORECASE)
    value = float(match[1].replace(",", "")) * UNITS[match[2].upper()] if match and len(text) < 40 else 0.0
    if not 0 < value <= MOST_USD:
        raise UsageError(f"--budget '{text[:40]}' is no sum of money up to 10^13 USD.", "As $1M or 250k.")
    return value


def buys(usd: float, device: str | None, price: float | None) -> BudgetLine:
    """FLOP that `usd` buys on a device.

    Raises:
        UsageError: no device, or one of which price or share are not known.
    """
    if device is None:
        raise UsageError("What money buys depends on the device.", "Give --gpu h100.")
    found = catalogue.known(device_set(device).id.partition(":")[0])
    if found is None or not found.fp16_tflops or found.generation not in GENERATIONS or found.kind != "datacentre":
        raise UsageError(
            f"Nobody published what share of the rate of '{device}' training reaches.", "Name a100 or h100."
        )
    listed = newest_prices(found.id)
    if price is None and not listed:
        raise UsageError(f"No list of prices here names {found.name}.", "Give --price, USD an hour.")
    if price is not None and not 0 < price <= 1e4:
        raise UsageError(f"--price {price:g} must lie above 0 and up to 10,000.")
    least = price if price is not None else min(each.low for each in listed)
    most = price if price is not None else max(each.high for each in listed)
    share = expected(AskedRun(found.generation, "bf16", MIDDLING, False), generations())
    hour = found.fp16_tflops * 1e12 * 3600
    flops = usd / (least * most) ** 0.5 * hour * share.value
    ends = (usd / most * hour * share.low, usd / least * hour * share.high)
    date = "--price" if price is not None else max(each.date for each in listed)
    return BudgetLine(usd, found.id, flops, ends, (least, most), (share.low, share.high), date)
