"""What a server does for many users at once where it lies: the steady state of `llmscale.speed.interleaved`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from llmscale.devices import device as device_catalogue
from llmscale.devices.sets import DeviceSet
from llmscale.fit.pace import Moved, prompt_load, stages_of
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.runtimes.interface import Runtime, Workload
from llmscale.runtimes.placed import LayerSplit
from llmscale.speed.interleaved import Host, Server, Steady, Users, steady
from llmscale.speed.law import Part, decode_seconds, exchange_seconds, prompt_seconds
from llmscale.speed.predict import Speed, Stage
from llmscale.speed.table import standing_in
from llmscale.store.tables import table

MICRO = 1e-6
#: The kind of devices that most tables are of.
CENTRE = "datacentre"


class UnderLoad(NamedTuple):
    """The steady state, and its figures with their ranges: tokens a second, and seconds."""

    state: Steady
    tokens_per_second: Speed
    first_token: Speed
    between: Speed


def under_load(
    runtime: Runtime,
    what: Moved | None,
    quant: str,
    work: Workload,
    layers: LayerSplit | None,
    devices: DeviceSet,
    users: Users,
    sequences: int,
) -> UnderLoad | None:
    """What `users` get of one server.

    None for what answers one request after another, for speeds that nobody knows, and where not one request has room.

    Args:
        sequences: how many of the users' requests there is memory for.
    """
    found = server_of(runtime, what, quant, work, layers, devices, users)
    if found is None or sequences < 1:
        return None
    server, stages = found
    known: dict[str, Any] = table("load")
    fitted = server._replace(
        sequences=min(sequences, server.sequences or sequences),
        host=Host(**{name: known["host"][f"{name}_us"] * MICRO for name in Host._fields}),
    )
    return _ranged(steady(fitted, users), class_of(runtime, devices, stages))


def server_of(
    runtime: Runtime,
    what: Moved | None,
    quant: str,
    work: Workload,
    layers: LayerSplit | None,
    devices: DeviceSet,
    users: Users,
) -> tuple[Server, list[Stage]] | None:
    """What the law alone says of a server, whose sequences are those of a step; None as in `under_load`."""
    setting, room = runtime.pace(work), runtime.step_room(work, devices)
    if what is None or setting is None or room is None:
        return None
    halfway = work._replace(context=users.prompt + users.answer // 2)
    stages = stages_of(runtime, setting, what, quant, halfway, layers, devices)
    if stages is None:
        return None
    speeds = table("speed")
    stages = [stage._replace(setup=standing_in(speeds, setting.name, stage.setup, quant)) for stage in stages]
    parts = [Part(stage.load, stage.setup.machine) for stage in stages]
    computing = prompt_seconds(parts, prompt_load(what, work._replace(context=users.prompt)), users.prompt)
    if computing is None:
        return None
    prompt = computing + exchange_seconds(parts, users.prompt)
    return Server(lambda batch: decode_seconds(parts, batch), prompt, room.tokens, room.sequences or 0), stages


def held() -> Note:
    """How often the ranges were right."""
    shares = table("load")["accuracy"]["held"]["tokens_per_second"]
    return note("load_steady", model=shares["model_left_out"], source=shares["source_left_out"])


def class_of(runtime: Runtime, devices: DeviceSet, stages: Sequence[Stage]) -> str:
    """Which ranges hold: those of cards in data centres, of other cards, or of what nobody measured."""
    if runtime.info.name not in table("load")["runtimes"] or not all(stage.setup.measured for stage in stages):
        return "unmeasured"
    found = device_catalogue.known(devices.id)
    return CENTRE if found and found.kind == CENTRE else "other"


def _ranged(state: Steady, group: str) -> UnderLoad:
    """The figures between the errors that published tables showed; the first token at least to that of all at once."""
    of = table("load")["ranges"][group]

    def speed(name: str, value: float, most: float = 0.0) -> Speed:
        low, high = of[name]
        return Speed(value, value * low, max(value * high, most), group == CENTRE)

    return UnderLoad(
        state,
        speed("tokens_per_second", state.tokens_per_second),
        speed("first_token", state.first_token, state.together),
        speed("between", state.between),
    )
