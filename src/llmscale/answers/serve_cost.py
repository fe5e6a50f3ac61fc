"""``serve-cost``: money and energy of a million tokens, on a rented device and on one's own."""

from __future__ import annotations

from collections.abc import Iterator
from math import ceil, isfinite

from llmscale.answers.estimate import estimate
from llmscale.answers.results.estimate import DeviceFit
from llmscale.answers.results.serve_cost import ServeCostResult, TokenCost
from llmscale.answers.train_compute import newest_prices
from llmscale.devices import device as catalogue
from llmscale.errors import UsageError
from llmscale.notes import note
from llmscale.records import NamedTuple

MILLION = 1_000_000
HOURS_A_YEAR = 8766
#: Sequences at once where more would fit: beyond, the speed of few devices was measured.
MOST_SEQUENCES = 64
#: What nobody serves in unless it is named.
UNSERVED = "fp32"


class Money(NamedTuple):
    """What the user said of money; None where nothing.

    Attributes:
        price: USD an hour of one rented device.
        purchase: USD of one device of one's own; its price at launch unless given.
        kwh: USD a kWh.
        busy: share of the hours in which it serves.
        api: USD for a million tokens out of somebody's API.
    """

    price: float | None = None
    purchase: float | None = None
    kwh: float | None = None
    years: float = 3.0
    watts: float | None = None
    busy: float = 1.0
    api: float | None = None


NOTHING_SAID = Money()


def serve_cost(
    reference: str,
    gpu: str,
    quant: str | None = None,
    *,
    context: int = 4096,
    sequences: int | None = None,
    runtime: str | None = None,
    money: Money = NOTHING_SAID,
) -> ServeCostResult:
    """Money of a million tokens at the sequences that fit.

    Raises:
        UsageError: what does not fit, has no speed or no price, numbers that cannot be.
    """
    _check(money)
    alone = estimate(reference, (quant,) if quant else (), context=context, runtime=runtime, gpus=(gpu,))
    served_in = (line for line in alone.estimates if quant or line.quant != UNSERVED)
    chosen = next((line for line in served_in if line.devices and line.devices[0].fits), None)
    if chosen is None:
        raise UsageError(f"{alone.model.name} does not fit {gpu}.", "Take a smaller quant: -q q4_k_m, or more devices.")
    most = int(chosen.devices[0].max_concurrency or chosen.devices[0].max_batch or 1)
    at_once = sequences or min(most, MOST_SEQUENCES)
    if at_once > most:
        raise UsageError(f"{at_once:,} sequences of {context:,} tokens do not fit {gpu}: {most:,} do.")
    served = estimate(reference, (chosen.quant,), context=context, batch=at_once, runtime=chosen.runtime, gpus=(gpu,))
    fit = served.estimates[0].devices[0]
    if fit.tokens_per_second is None or fit.tokens_per_second_range is None:
        raise UsageError(
            f"How fast {gpu} serves {alone.model.name} is not known.", "Take a device and a model of the catalogue."
        )
    watts = money.watts or (device.power_w if (device := catalogue.known(fit.id.partition(":")[0])) else None)
    energy = watts * fit.count / 1000 * MILLION / fit.tokens_per_second / 3600 if watts else None
    costs = tuple(_costs(fit, money, watts, alone.estimates[0].devices[0].first_token_seconds, context))
    if not costs:
        raise UsageError(f"No list of prices here names {fit.id}.", "Give --price, USD an hour, or --kwh for your own.")
    return ServeCostResult(
        model=alone.model,
        quant=chosen.quant,
        runtime=chosen.runtime,
        device=fit.id,
        count=fit.count,
        context=context,
        sequences=at_once,
        fits_sequences=most,
        tokens_per_second=fit.tokens_per_second,
        tokens_per_second_range=fit.tokens_per_second_range,
        energy_kwh_per_million=energy,
        costs=costs,
        break_even_rent=_even(fit, money, energy, _rent_of_million(costs)),
        break_even_api=_even(fit, money, energy, money.api),
        notes=(note("serve_cost_busy", share=money.busy),),
    )


def _check(money: Money) -> None:
    for option, value in (
        *(("--price", money.price), ("--purchase", money.purchase), ("--kwh", money.kwh), ("--years", money.years)),
        *(("--watts", money.watts), ("--api-price", money.api)),
    ):
        if value is not None and not (isfinite(value) and 0 < value <= 1e9):
            raise UsageError(f"{option} {value:g} must be a number above 0.")
    if not 1 / HOURS_A_YEAR <= money.busy <= 1:
        raise UsageError(f"--utilisation {money.busy:g}: a share of the hours, from one in a year up to 1.", "As 0.5.")


def _costs(
    fit: DeviceFit, money: Money, watts: float | None, first_token: float | None, context: int
) -> Iterator[TokenCost]:
    reads = context / first_token if first_token else None
    listed = newest_prices(fit.id.partition(":")[0])
    if money.price is not None or listed:
        least = money.price if money.price is not None else min(each.low for each in listed)
        most = money.price if money.price is not None else max(each.high for each in listed)
        dated = "" if money.price is not None else max(each.date for each in listed)
        source = "--price" if money.price is not None else "; ".join(dict.fromkeys(each.source for each in listed))
        hour = (least * fit.count / money.busy, most * fit.count / money.busy)
        yield _cost("rented", hour, fit, reads, dated, source)
    bought = _purchase(fit, money)
    if money.kwh is not None and bought is not None and watts is not None:
        hourly = fit.count * (bought / money.years / HOURS_A_YEAR / money.busy + watts / 1000 * money.kwh)
        yield _cost("own", (hourly, hourly), fit, reads, "", f"{bought:g} USD, {money.years:g} years, {watts:g} W")


def _purchase(fit: DeviceFit, money: Money) -> float | None:
    device = catalogue.known(fit.id.partition(":")[0])
    return money.purchase or (device.price_usd if device else None)


def _cost(
    way: str, hour: tuple[float, float], fit: DeviceFit, reads: float | None, date: str, source: str
) -> TokenCost:
    slow, fast = fit.tokens_per_second_range or (0.0, 0.0)
    output = (hour[0] / fast / 3600 * MILLION, hour[1] / slow / 3600 * MILLION)
    prompt = (hour[0] / reads / 3600 * MILLION, hour[1] / reads / 3600 * MILLION) if reads else None
    return TokenCost(way, hour, output, prompt, date, source)


def _rent_of_million(costs: tuple[TokenCost, ...]) -> float | None:
    """The middle of what a million tokens cost on a rented device."""
    return next(((cost.output[0] * cost.output[1]) ** 0.5 for cost in costs if cost.way == "rented"), None)


def _even(fit: DeviceFit, money: Money, energy: float | None, other: float | None) -> int | None:
    """Tokens a day from which one's own device costs less than `other` USD a million; None where it cannot."""
    bought = _purchase(fit, money)
    if other is None or bought is None or money.kwh is None or energy is None:
        return None
    saved = (other - energy * money.kwh) / MILLION
    tokens = fit.count * bought / money.years / 365.25 / saved if saved > 0 else float("inf")
    return ceil(tokens) if tokens <= (fit.tokens_per_second or 0) * 86400 else None
