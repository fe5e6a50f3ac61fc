"""How fast a subject runs where it lies: the work of one token, and what such devices were measured to do."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

from llmscale.devices import device as device_catalogue
from llmscale.devices.sets import DeviceSet, counted
from llmscale.devices.topology import link_between
from llmscale.fit.subject import Subject
from llmscale.model.shape import Shape
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import PaceSetting, Runtime, Workload
from llmscale.runtimes.placed import LayerSplit, Placement
from llmscale.runtimes.subject import Exact, Summary
from llmscale.speed.load import (
    Load,
    PromptFlops,
    attended_by_prompt,
    attended_tokens,
    cache_bytes,
    decode_flops,
    prompt_flops,
    state_bytes,
)
from llmscale.speed.predict import Speed, Stage, decode, first_token
from llmscale.speed.profile import ComputeProfile, bytes_per_token, profile_of
from llmscale.speed.table import Setup, host_setup, setup
from llmscale.store.tables import table

GIGA = 1e9
#: Bytes a second that two channels of RAM read, beside a card for consumers where nobody says more: of DDR4-3200, of
#: DDR5-4800 less what its first boards lose, of DDR5-6000 (JESD79-4 and -5: channels x 8 bytes x transfers a second).
TWO_CHANNELS = (51.2e9, 70e9, 96e9)
#: Kinds of devices whose hosts have two channels as a rule; workstations and servers have from four to twelve.
ON_DESKTOPS = {"consumer", "laptop"}


class Pace(NamedTuple):
    """Decode tokens per second of all sequences together, and seconds to the first token of a whole context."""

    decode: Speed
    first_token: Speed | None


class Moved(NamedTuple):
    """What of a model decides its speed: widths, the sums over its tensors, and the bytes that a token reads.

    Attributes:
        shared: bytes of the weights that every token reads.
        experts: bytes of the routed experts, all of them.
    """

    widths: Shape
    profile: ComputeProfile
    shared: int
    experts: int


def moved(subject: Subject, profile: ComputeProfile | None = None) -> Moved | None:
    """What a token moves; None for a bare size, for what does not decode, and where it was not computed.

    Args:
        profile: of a subject that was compiled.
    """
    if isinstance(subject, Exact):
        found = Moved(
            subject.widths, profile_of(subject.inventory), *bytes_per_token(subject.inventory, subject.stored)
        )
        return found if subject.widths.decodes else None
    if isinstance(subject, Summary) and profile is not None and subject.sized.read and subject.widths.decodes:
        return Moved(subject.widths, profile, subject.sized.read, subject.sized.experts)
    return None


def pace(
    runtime: Runtime, what: Moved | None, quant: str, work: Workload, placed: Placement, devices: DeviceSet
) -> Pace | None:
    """The speed with a context of so many tokens before the one that is decoded.

    None where nobody measured such a device under that runtime, and for layers in host memory of which nobody says how
    fast it is. Where it can be assumed the range is from the slowest such memory to the fastest.
    """
    setting, one = runtime.pace(work), _of_one(runtime, what, work, devices)
    if what is None or setting is None or one is None:
        return None
    ends = assumed_ram(runtime, work, placed.layers, devices) or (None,)
    found = [
        _at(stages, one, what, work, setting.chunk)
        for reads in ends
        if (stages := stages_of(runtime, setting, what, quant, work, placed.layers, one.devices, reads)) is not None
    ]
    return _spanning(found) if found else None


def assumed_ram(
    runtime: Runtime, work: Workload, layers: LayerSplit | None, devices: DeviceSet
) -> tuple[float, float, float] | None:
    """Bytes a second of the RAM in which layers or experts lie, at the least, usually, at the most.

    None where nothing lies there, where somebody said how fast it is, and beside devices of other machines.
    """
    if _offloaded(layers) is None:
        return None
    setting = runtime.pace(work)
    if setting is None or setting.host_bandwidth or devices.reads:
        return None
    kinds = [device_catalogue.known(one.id.partition(":")[0]) for one in devices.kinds]
    return TWO_CHANNELS if all(kind and kind.kind in ON_DESKTOPS for kind in kinds) else None


def _at(stages: list[Stage], one: _One, what: Moved, work: Workload, chunk: int) -> Pace:
    prompt, speed = prompt_load(what, work), decode(stages, one.batch)
    more = work.batch / one.batch
    together = speed._replace(value=speed.value * more, low=speed.low * more, high=speed.high * more)
    return Pace(together, first_token(stages, prompt, work.context, chunk))


def _spanning(paces: list[Pace]) -> Pace:
    """That of the middle, from the slowest, which comes first, to the fastest."""
    slow, usual, fast = paces[0], paces[len(paces) // 2], paces[-1]
    speed = usual.decode._replace(low=slow.decode.low, high=fast.decode.high)
    if not (slow.first_token and usual.first_token and fast.first_token):
        return Pace(speed, None)
    return Pace(speed, usual.first_token._replace(low=fast.first_token.low, high=slow.first_token.high))


class _One(NamedTuple):
    """One of the servers that share the sequences: its devices, and how many it has, the one that has most."""

    devices: DeviceSet
    batch: int


def _of_one(runtime: Runtime, what: Moved | None, work: Workload, devices: DeviceSet) -> _One | None:
    """One server; None for experts that several share, whose steps wait for each other and which nobody measured."""
    room = runtime.step_room(work, devices)
    if room is None or room.replicas == 1:
        return _One(devices, work.batch)
    if what is not None and what.experts:
        return None
    return _One(replace(devices, count=room.devices or devices.count), -(-work.batch // room.replicas))


def prompt_load(what: Moved, work: Workload) -> PromptFlops:
    """The work of one prompt as long as the context."""
    profile, attended = what.profile, attended_by_prompt(what.widths, work.context)
    return prompt_flops(profile.dense, profile.routed, profile.width, attended, work.context)


def explain_pace(
    runtime: Runtime, what: Moved | None, quant: str, work: Workload, placed: Placement, devices: DeviceSet
) -> list[str]:
    """The time of a step with the numbers put in, in a line; nothing where no speed is known."""
    from llmscale.speed.explain import explain_decode

    setting, one = runtime.pace(work), _of_one(runtime, what, work, devices)
    if what is None or setting is None or one is None:
        return []
    ends = assumed_ram(runtime, work, placed.layers, devices)
    reads = ends[1] if ends else None
    stages = stages_of(runtime, setting, what, quant, work, placed.layers, one.devices, reads)
    if stages is None:
        return []
    return [explain_decode(counted(devices.id, one.devices.count), stages, one.batch, decode(stages, one.batch))]


def stages_of(
    runtime: Runtime,
    setting: PaceSetting,
    what: Moved,
    quant: str,
    work: Workload,
    layers: LayerSplit | None,
    devices: DeviceSet,
    reads: float | None = None,
) -> list[Stage] | None:
    """The layers on each device, and in host memory; None where the speed is not known.

    Args:
        reads: bytes a second of host memory where nobody said.
    """
    offloaded, bandwidth = _offloaded(layers), setting.host_bandwidth or devices.reads or reads
    if offloaded and bandwidth is None:
        return None
    load, host = step_load(what, work), []
    if offloaded and bandwidth is not None:
        found = host_setup(table("speed"), setting.name, bandwidth, quant)
        if found is None:
            return None
        load, apart = load.offload(*offloaded)
        host = [Stage(apart, found)]
    if not load.flops:
        return host
    on = _devices(setting, quant, devices, runtime.info.shares_tensors)
    if not on:
        return None
    return [*(Stage(load.share(share) if share < 1 else load, found) for found, share in on), *host]


def _offloaded(layers: LayerSplit | None) -> tuple[float, float] | None:
    """Shares of all layers, and of all routed experts, that lie in host memory; None when all is on devices."""
    if layers is None or layers.whole:
        return None
    experts = min(1.0, layers.experts_in_ram / max(1, layers.total - 1))
    return 1 - layers.on_devices / layers.total, experts


def step_load(what: Moved, work: Workload) -> Load:
    """The work of one decode step on one device."""
    widths, profile = what.widths, what.profile
    element = (work.kv.bits + work.value_format.bits) / 16
    attended = attended_tokens(widths, work.context)
    return Load(
        weight_bytes=what.shared,
        cache_bytes=cache_bytes(widths, work.context, element),
        matrices=profile.matrices,
        flops=decode_flops(profile.dense + profile.routed, profile.width, attended),
        expert_bytes=what.experts,
        experts=profile.experts,
        experts_used=profile.used,
        layers=widths.layers,
        hidden=widths.hidden,
        state_bytes=state_bytes(widths),
    )


def _devices(setting: PaceSetting, quant: str, devices: DeviceSet, together: bool) -> list[tuple[Setup, float]]:
    """Each device, or all that share every matrix, with its share of the layers; nothing where one is not known, or how
    those that share talk to each other."""
    if together:
        link = link_between(devices).gb_s
        if link is None and devices.count > 1:
            return []
        found = _setup(setting.name, devices.id, quant, devices.count, setting.flash, link)
        return [(found, 1.0)] if found else []
    whole = devices.total_usable
    setups = [(_setup(setting.name, kind.id, quant, 1, setting.flash), kind) for kind in devices.kinds]
    if any(found is None for found, _ in setups):
        return []
    return [(found, kind.usable / whole) for found, kind in setups if found is not None for _ in range(kind.count)]


@cache
def _setup(runtime: str, device: str, quant: str, count: int, flash: bool, link: float | None = None) -> Setup | None:
    """The fitted factors; None for a device of which only the memory is known.

    Args:
        link: 10^9 bytes a second between those that share every matrix.
    """
    found = device_catalogue.known(device)
    if found is None:
        return None
    factors: dict[str, Any] = table("speed")
    bytes_a_second = None if link is None else link * GIGA
    return setup(factors, runtime, found, quant, count=count, link=bytes_a_second, flash=flash)
