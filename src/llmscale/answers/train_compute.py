"""Device-hours, days, energy and money of a training run."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from llmscale.answers.results.train_flops import MoneyRange, Reproduced, ReproduceResult, TrainCompute
from llmscale.devices import device as catalogue
from llmscale.devices.device import Device
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UsageError
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.notes import note
from llmscale.records import NamedTuple
from llmscale.training.efficiency import GENERATIONS, AskedRun, Share, expected
from llmscale.training.published import Price, Run, prices, reached, runs

MOST_TOKENS = 10**16
#: Energy for cooling and loss, over that of the devices: what arXiv:2302.13971 (section 6) takes for its own.
USUAL_PUE = 1.1


class ComputeAsked(NamedTuple):
    """What the user said of a run; None where nothing.

    Attributes:
        mfu: share of the device's dense 16-bit rate.
        price: USD an hour of one device.
        grid: grams of CO2 a kWh.
    """

    tokens: int | None = None
    devices: str | None = None
    mfu: float | None = None
    price: float | None = None
    grid: float | None = None
    pue: float = USUAL_PUE


NO_RUN = ComputeAsked()


def compute(spec: ModelSpec, asked: ComputeAsked, factor: Callable[[], float]) -> TrainCompute | None:
    """What the run takes; None where no tokens are named.

    Args:
        factor: FLOPs of the method for 1 of training all of it.

    Raises:
        UsageError: numbers that cannot be, devices of which nothing is known.
    """
    _check(asked)
    if asked.tokens is None or asked.devices is None:
        return None
    devices = device_set(asked.devices)
    device = _device(devices)
    parts = inventory(spec)
    active = parts.active()
    flops = 6.0 * active * asked.tokens * factor()
    share = _share(device, asked, active, active != parts.total(), devices.count)
    rate = (device.fp16_tflops or 0) * 1e12 * 3600
    hours, low, high = (flops / (rate * each) for each in (share.value, share.high, share.low))
    watts = device.power_w
    kwh = tuple(each * watts / 1000 * asked.pue for each in (hours, low, high)) if watts else None
    return TrainCompute(
        tokens=asked.tokens,
        device=device.id,
        count=devices.count,
        flops=flops,
        mfu=share.value,
        mfu_range=(share.low, share.high),
        mfu_from="" if asked.mfu else f"{share.nearest.model}, {share.nearest.device}: {share.nearest.share:.3f}",
        device_hours=hours,
        device_hours_range=(low, high),
        days=hours / 24 / devices.count,
        days_range=(low / 24 / devices.count, high / 24 / devices.count),
        energy_kwh=kwh[0] if kwh else None,
        energy_kwh_range=(kwh[1], kwh[2]) if kwh else None,
        co2_kg=kwh[0] * asked.grid / 1000 if kwh and asked.grid else None,
        cost_usd=_money(device.id, asked.price, low, high),
    )


def _check(asked: ComputeAsked) -> None:
    if asked.tokens is None and any((asked.mfu, asked.price, asked.grid)):
        raise UsageError("How long a run takes follows from its tokens.", "Give --tokens: 2T.")
    if asked.tokens is not None and asked.devices is None:
        raise UsageError("How long a run takes follows from its devices.", 'Give --gpu: "64x h100".')
    if asked.tokens is not None and not 1 <= asked.tokens <= MOST_TOKENS:
        raise UsageError(f"--tokens {asked.tokens:,}: between 1 and 10^16.", "As 2T.")
    if asked.mfu is not None and not 0 < asked.mfu <= 1:
        hint = f"{asked.mfu:g} % is {asked.mfu / 100:g}." if 1 < asked.mfu <= 100 else "Usual are 0.2 to 0.5."
        raise UsageError(f"--mfu {asked.mfu:g}: a share of the device's rate, above 0 and up to 1, as 0.4.", hint)
    for option, value, most in (("--price", asked.price, 1e4), ("--grid", asked.grid, 1e4), ("--pue", asked.pue, 10.0)):
        if value is not None and not 0 < value <= most:
            raise UsageError(f"{option} {value:g} must lie above 0 and up to {most:g}.")
    if asked.pue < 1:
        raise UsageError(
            f"--pue {asked.pue:g}: a building takes no less than what stands in it.", "Usual are 1.1 to 1.5."
        )


def _device(devices: DeviceSet) -> Device:
    found = catalogue.known(devices.id.partition(":")[0])
    if found is None or devices.members or not found.fp16_tflops:
        raise UsageError(f"The rate of '{devices.name}' is not known.", 'Name devices of one kind: "64x h100".')
    return found


def _share(device: Device, asked: ComputeAsked, active: int, moe: bool, count: int) -> Share:
    if asked.mfu is not None:
        return Share(asked.mfu, asked.mfu, asked.mfu, reached()[0])
    if device.generation not in GENERATIONS or device.kind != "datacentre":
        raise UsageError(
            f"Nobody published what share of a {device.name}'s rate training reaches.",
            "Give it: --mfu 0.3, or name a100, h100, h200, b200.",
        )
    return expected(AskedRun(device.generation, "bf16", active, moe, count if count > 1 else None), generations())


def generations() -> dict[str, str]:
    """The generation of each device that a published row names."""
    return {name: catalogue.entry(name).generation or "" for name in {row.device for row in reached()}}


def _money(device: str, price: float | None, low: float, high: float) -> MoneyRange | None:
    if price is not None:
        return MoneyRange(low * price, high * price, price, price, "", "--price")
    newest = newest_prices(device)
    if not newest:
        return None
    least, most = min(each.low for each in newest), max(each.high for each in newest)
    dates = sorted({each.date for each in newest})
    sources = "; ".join(dict.fromkeys(each.source for each in newest))
    return MoneyRange(low * least, high * most, least, most, " to ".join(dict.fromkeys((dates[0], dates[-1]))), sources)


def newest_prices(device: str) -> list[Price]:
    """What lists of the last year that is known ask for one of a device."""
    listed = [each for each in prices() if each.device == device]
    latest = max((each.date[:4] for each in listed), default="")
    return [each for each in listed if each.date.startswith(latest)]


def reproduce() -> ReproduceResult:
    """All published runs beside ours."""
    found = tuple(reproduced())
    errors = [abs(each.device_hours_ratio - 1) for each in found if each.device_hours_ratio]
    held = [each.in_range for each in found if each.in_range is not None]
    return ReproduceResult(found, median(errors), sum(held) / len(held), (note("own_run_left_out"),))


def reproduced() -> Iterator[Reproduced]:
    """Each published run: ours without the rows of its own family, theirs, and how they compare."""
    for run in runs():
        flops = float(run.factor * run.active * run.tokens) if run.tokens else None
        hours = held = None
        if run.tokens and run.device and run.device_hours:
            share = _without(run)
            rate = (catalogue.entry(run.device).fp16_tflops or 0) * 1e12 * 3600
            hours = 6.0 * run.active * run.tokens / rate / share.value
            held = share.low <= 6.0 * run.active * run.tokens / rate / run.device_hours <= share.high
        yield Reproduced(
            model=run.model,
            flops=flops,
            flops_published=run.flops,
            flops_ratio=flops / run.flops if flops and run.flops else None,
            device_hours=hours,
            device_hours_published=run.device_hours,
            device_hours_ratio=hours / run.device_hours if hours and run.device_hours else None,
            in_range=held,
            note=run.note,
            source=run.source,
        )


def _without(run: Run) -> Share:
    device = catalogue.entry(run.device or "")
    others = [row for row in reached() if row.model != run.model]
    asked = AskedRun(device.generation or "", run.precision, run.active, run.active != run.parameters)
    return expected(asked, generations(), others)
