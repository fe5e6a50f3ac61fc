"""Layouts over several devices: what is searched, what the user fixed, and what is said of the answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from llmscale.answers.results.train_fit import TrainPart
from llmscale.answers.results.train_layouts import LayoutSearch, TrainLayout
from llmscale.answers.train_fit import largest
from llmscale.answers.train_held import Way, refers, taken
from llmscale.answers.train_memory import LARGEST_BATCH, sequence_of
from llmscale.devices import device as catalogue
from llmscale.devices.sets import MAX_COUNT, DeviceSet
from llmscale.devices.topology import link_between
from llmscale.errors import LlmscaleError, UnsupportedModelError, UsageError
from llmscale.model.inventory import inventory
from llmscale.model.spec import ModelSpec
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import Verdict
from llmscale.training.methods import MethodChoice
from llmscale.training.objectives import OBJECTIVES
from llmscale.training.parallel.layout import Batch, Layout, broken
from llmscale.training.parallel.memory import Bytes, fullest
from llmscale.training.parallel.pace import Cluster
from llmscale.training.parallel.search import Division, Found, Given, search
from llmscale.training.parallel.sizes import sizes
from llmscale.training.precision import PRECISIONS
from llmscale.training.published import domains, networks

#: Devices of one board, and what one sends out of it where nobody says: 100 Gb/s, assumed.
BOARD, UNKNOWN_GB_S = 8, 12.5
#: Tokens of a step where none are named.
USUAL_TOKENS = 1 << 20
MOST_SEQUENCES = 1 << 24
MOST_LAYOUTS = 3
#: Losses that make no more logits at once than a part.
WITHOUT_LOGITS = ("cut", "liger", "trl")
#: The recipe where none is named: what FSDP2 and what Megatron's distributed optimizer keep.
THIRD_STAGE, OTHER_STAGES = "amp", "megatron"


class LayoutAsked(NamedTuple):
    """What the user said; None where nothing.

    Attributes:
        number: of devices.
        batch: tokens of a step of all devices.
        network: 10^9 bytes a second that a device sends out of its node.
        precise: whether the user named a precision.
    """

    number: int | None = None
    batch: int | None = None
    network: float | None = None
    given: Given = Given()
    precise: bool = False

    @property
    def fixed(self) -> bool:
        """Whether a number of the layout was given."""
        return any(value is not None for value in self.given[:6]) or self.batch is not None


NO_LAYOUT = LayoutAsked()


def fixed(degrees: Mapping[str, int | None], checkpointing: str | None) -> Given:
    """What the user fixed: degrees, the ZeRO stage, a micro-batch; and whether layers are run again."""
    again = None if checkpointing is None else checkpointing == "full"
    chosen: dict[str, Any] = {**degrees, "recompute": again}
    return Given(**chosen)


def check_layout(asked: LayoutAsked, devices: DeviceSet | None) -> int:
    """How many devices there are.

    Raises:
        UsageError: numbers that cannot be, or none to divide over.
    """
    for option, value in zip(("--tp", "--pp", "--vp", "--cp", "--ep"), asked.given, strict=False):
        if value is not None and not 1 <= value <= MAX_COUNT:
            raise UsageError(f"{option} {value}: between 1 and {MAX_COUNT:,}.")
    if asked.given.zero is not None and not 0 <= asked.given.zero <= 3:
        raise UsageError(f"--zero {asked.given.zero}: a stage from 0 to 3.", "3 is FSDP2.")
    if asked.number is not None and not 1 <= asked.number <= MAX_COUNT:
        raise UsageError(f"--count {asked.number:,}: between 1 and {MAX_COUNT:,} devices.")
    if asked.network is not None and not 0 < asked.network <= 1e4:
        raise UsageError(f"--network {asked.network:g}: 10^9 bytes a second, above 0 and up to 10,000.", "As 50.")
    if devices is None:
        if asked.fixed or asked.number or asked.network:
            raise UsageError("What is divided needs devices.", 'Give --gpu: "64x h100".')
        return 1
    if asked.number is not None and devices.count > 1 and devices.count != asked.number:
        raise UsageError(f"--gpu names {devices.count} devices and --count {asked.number}.", "Give one of them.")
    number = asked.number or devices.count
    if number == 1:
        _check_alone(asked)
    return number


def check_divisible(way: Way) -> None:
    """Refuse what layouts are not modelled with.

    Raises:
        UnsupportedModelError: layers that are run again in part, completions that are made while training.
    """
    if OBJECTIVES[way.memory.objective].generates:
        raise UnsupportedModelError(
            f"--objective {way.memory.objective} makes completions while training: its time on several devices is not "
            "modelled.",
            "Take dpo, kto or orpo, or name a single card.",
        )
    if way.memory.offload:
        raise UnsupportedModelError(
            f"--offload {','.join(sorted(way.memory.offload))} is modelled on one device.",
            "Leave it out, or name a single card.",
        )
    if way.memory.checkpointing not in ("none", "full"):
        raise UnsupportedModelError(
            f"--checkpointing {way.memory.checkpointing} is modelled on one device.", "Take full or none."
        )


def _check_alone(asked: LayoutAsked) -> None:
    for option, value in zip(("--tp", "--pp", "--vp", "--cp", "--ep"), asked.given, strict=False):
        if value not in (None, 1):
            raise UsageError(f"{option} {value}: over one device nothing is divided.", 'Give --gpu: "64x h100".')
    if asked.batch is not None and asked.batch < 1:
        raise UsageError(f"--global-batch {asked.batch:,} is no number of tokens.", "At least one, as 4M.")


def layouts(
    spec: ModelSpec, way: Way, devices: DeviceSet, count: int, asked: LayoutAsked
) -> tuple[tuple[TrainLayout, ...], LayoutSearch]:
    """The best layouts, and what is said of the search.

    Raises:
        UsageError: numbers that this model, or this many devices, cannot be divided by.
        UnsupportedModelError: a model whose division is not modelled.
    """
    cut = sizes(spec)
    sequence = sequence_of(spec, way.memory)
    several, logits = OBJECTIVES[way.memory.objective].sequences, way.memory.way not in WITHOUT_LOGITS
    batch = Batch(sequence, _sequences(asked, sequence * several, count), logits, several, refers(way))
    cluster = _cluster(devices, asked.network)
    question = Division(cut, batch, cluster, count, devices.usable, _bytes(spec, way, asked.precise), asked.given)
    _check_given(question)
    found = search(question, MOST_LAYOUTS)
    flops = 6.0 * inventory(spec).active() * batch.tokens
    best = tuple(_line(question, each, flops) for each in found.best)
    out = found.ruled_out
    reach = _reach(question, found.best[0]) if found.best else (0, 0)
    return best, LayoutSearch(
        device=devices.id or devices.name,
        count=count,
        usable_bytes=devices.usable,
        sequence=sequence,
        global_batch=batch.tokens,
        node=cluster.node,
        network_gb_s=cluster.network / 1e9,
        looked=found.looked,
        fitting=found.fitting,
        ruled_out=_line(question, out, flops) if out else None,
        lacks_bytes=-out.usage.spare if out else 0,
        max_micro_batch=reach[0],
        max_sequence=reach[1],
        instead="" if found.best else _instead(spec, way, question),
    )


def _sequences(asked: LayoutAsked, sequence: int, count: int) -> int:
    if asked.batch is None:
        return max(1, USUAL_TOKENS // sequence // count) * count
    sequences = asked.batch // sequence
    if not 1 <= sequences <= MOST_SEQUENCES:
        raise UsageError(
            f"--global-batch {asked.batch:,} tokens is {sequences:,} sequences of {sequence:,}.",
            "At least one, as 4M.",
        )
    return sequences


def _cluster(devices: DeviceSet, network: float | None) -> Cluster:
    known = catalogue.known(devices.id.partition(":")[0])
    if known is None or not known.fp16_tflops:
        raise UsageError(f"The rate of '{devices.name}' is not known.", 'Name devices of one kind: "64x h100".')
    node = next((each.devices for each in domains() if each.device == known.id), BOARD)
    out = network or next((each.gb_s for each in networks() if each.generation == known.generation), UNKNOWN_GB_S)
    link = link_between(devices).gb_s or out
    return Cluster(known.fp16_tflops * 1e12, node, link * 1e9, out * 1e9)


def _bytes(spec: ModelSpec, way: Way, precise: bool) -> dict[int, Bytes]:
    """Of a parameter, by ZeRO stage."""
    named = way.choice.method != "full" or precise
    return {
        stage: _each(spec, way._replace(precision=way.precision if named else default))
        for stage, default in ((0, OTHER_STAGES), (1, OTHER_STAGES), (2, OTHER_STAGES), (3, THIRD_STAGE))
    }


def _each(spec: ModelSpec, way: Way) -> Bytes:
    held, _, chosen, _ = taken(spec, way)
    if way.choice.method == "full":
        recipe = PRECISIONS[way.precision]
        states = recipe.master + held.optimizer_bytes / chosen.total
        weights = recipe.weight * (1 + refers(way))
        return Bytes(weights, recipe.gradient, states, min(recipe.weight, Bytes._field_defaults["gathered"]))
    weight = held.weights_bytes / chosen.total
    return Bytes(weight, held.gradients_bytes / chosen.total, held.optimizer_bytes / chosen.total, weight)


def _check_given(asked: Division) -> None:
    """Refuse what the user fixed and cannot be.

    Raises:
        UsageError: names the numbers that divide.
    """
    given, cut = asked.given, asked.sizes
    for option, value, of, what in (
        ("--tp", given.tp, cut.heads, "heads"),
        ("--ep", given.ep, cut.experts, "experts"),
    ):
        if value is not None and of % value:
            able = [each for each in range(1, of + 1) if of % each == 0]
            raise UsageError(
                f"{option} {value} does not divide {of} {what}.", f"One of: {', '.join(map(str, able[:12]))}."
            )
    product = (given.tp or 1) * (given.pp or 1) * (given.cp or 1)
    if asked.world % product:
        raise UsageError(
            f"TP x PP x CP = {product} does not divide {asked.world} devices.",
            "Their product with DP is the number of devices.",
        )
    layout = Layout(
        asked.world // product,
        given.tp or 1,
        given.pp or 1,
        given.vp or 1,
        given.cp or 1,
        given.ep or 1,
        1,
        False,
        given.micro or 1,
    )
    why = broken(cut, layout, asked.batch, asked.cluster.node)
    if why and any(value is not None for value in given[:5]):
        raise UsageError(f"This layout cannot be: {why}.", "Change one of them, or leave it out to have it searched.")


def _line(asked: Division, found: Found, flops: float) -> TrainLayout:
    layout, usage, took = found
    return TrainLayout(
        **{name: getattr(layout, name) for name in ("dp", "tp", "pp", "vp", "cp", "ep", "zero", "recompute")},
        micro_batch=layout.micro,
        micro_batches=asked.batch.micro_batches(layout),
        used_bytes=usage.used,
        used_range=(usage.least, usage.most),
        fits=usage.verdict.value,
        parts=tuple(TrainPart(part.kind, part.size.value, (part.size.low, part.size.high)) for part in usage.parts),
        step_seconds=took.seconds,
        tokens_per_second=asked.batch.tokens / took.seconds,
        mfu=flops / took.seconds / layout.world / asked.cluster.rate,
    )


def _reach(asked: Division, first: Found) -> tuple[int, int]:
    """The largest micro-batch and sequence that the first layout surely holds."""
    layout, each = first.layout, asked.each[first.layout.zero]

    def holds(micro: int, sequence: int) -> bool:
        sequences = micro * layout.dp * max(layout.pp, asked.batch.micro_batches(layout))
        batch = asked.batch._replace(sequence=sequence, sequences=sequences)
        usage = fullest(asked.sizes, layout._replace(micro=micro), batch, each, asked.budget)
        return usage.verdict is Verdict.YES

    pieces = layout.tp * 2 * layout.cp
    sequence = asked.batch.sequence
    longest = largest((1 << 27) // pieces, lambda number: holds(layout.micro, number * pieces)) * pieces
    return largest(LARGEST_BATCH, lambda micro: holds(micro, sequence)), longest


def _instead(spec: ModelSpec, way: Way, asked: Division) -> str:
    """A change by which some layout fits."""
    smaller = way._replace(optimizer="adamw-8bit")
    lora = Way(way.choice if way.choice.method == "lora" else MethodChoice("lora"), "bf16", way.optimizer, way.memory)
    for flags, changed in (
        ("--optimizer adamw-8bit", smaller),
        ("--precision bf16", way._replace(precision="bf16")),
        ("--method lora", lora),
        ("--method qlora", lora._replace(memory=way.memory._replace(packed=True))),
    ):
        try:
            each = _bytes(spec, changed, "precision" in flags)
        except LlmscaleError:
            continue
        if search(asked._replace(each=each), 1).best:
            return flags
    return ""
