"""``train``: what is trained, and what weights, gradients and optimizer states take."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from llmscale.answers.results.common import model_ref
from llmscale.answers.results.train import RecipeLine, TrainMemory, TrainResult
from llmscale.answers.results.train_fit import TrainFit
from llmscale.answers.results.train_flops import TrainCompute
from llmscale.answers.results.train_layouts import LayoutSearch, TrainLayout
from llmscale.answers.train_compute import NO_RUN, ComputeAsked, compute
from llmscale.answers.train_fit import check_card, fit
from llmscale.answers.train_flops import USUAL_STEP, StepAsked, flops_notes, share_of_full, step_flops
from llmscale.answers.train_held import Way, refers, taken
from llmscale.answers.train_layouts import NO_LAYOUT, LayoutAsked, check_divisible, check_layout, layouts
from llmscale.answers.train_memory import LARGEST_SEQUENCE, USUAL_MEMORY, MemoryAsked, check_memory, sequence_of
from llmscale.answers.train_said import said
from llmscale.answers.train_sized import of_size
from llmscale.devices.sets import DeviceSet, device_set
from llmscale.errors import UndisclosedError, UnsupportedModelError, UsageError
from llmscale.fit.subject import model_of
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note, once
from llmscale.records import NamedTuple
from llmscale.runtimes.placed import OVERHEAD
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load
from llmscale.training import methods, optimizers
from llmscale.training.adapters import DEFAULT_RANK
from llmscale.training.methods import METHODS, OWN, MethodChoice, Trained, largest_rank
from llmscale.training.optimizers import OPTIMIZERS, Tensors, state_bytes
from llmscale.training.precision import ADAPTER, PRECISIONS, RECIPES

#: Catches slips; a rank above the width is only warned of.
MOST_RANK = 1 << 20


def train(
    reference: str,
    *,
    method: str = "",
    lora_rank: int | None = None,
    lora_targets: str = "default",
    lora_bias: str = "none",
    modules_to_save: str = "",
    virtual_tokens: int = 20,
    prefix_projection: bool = False,
    train_layers: int = 1,
    optimizer: str = "adamw",
    precision: str = "",
    step: StepAsked = USUAL_STEP,
    run: ComputeAsked = NO_RUN,
    memory: MemoryAsked = USUAL_MEMORY,
    layout: LayoutAsked = NO_LAYOUT,
    assume: str | None = None,
    catalogue: str | None = None,
) -> TrainResult:
    """Counts and bytes of training a model.

    Raises:
        UsageError: a choice that does not exist, or that peft refuses for this model.
        UndisclosedError: a model whose tensors nobody outside knows.
    """
    named, method = bool(method), _as_here(method, methods.ALSO_CALLED) or "full"
    optimizer = _as_here(optimizer, optimizers.ALSO_CALLED)
    _check(method, lora_rank, lora_bias, virtual_tokens, optimizer, precision)
    check_memory(memory)
    devices = device_set(run.devices) if run.devices else None
    count = check_layout(layout, devices)
    if devices:
        check_card(devices)
    loaded = _loaded(reference, assume, catalogue)
    spec = loaded.spec
    if method == "qlora":
        _check_packed(reference, loaded, precision)
    if prefix_projection and method != "prefix":
        raise UsageError("--prefix-projection belongs to --method prefix.", "Leave it out.")
    targets = () if lora_targets == "default" else _names(lora_targets)
    counted = "lora" if method == "qlora" else method
    saved = _names(modules_to_save)
    choice = MethodChoice(
        counted, lora_rank or 0, targets, lora_bias, saved, virtual_tokens, prefix_projection, train_layers
    )
    chosen_precision = precision or ("amp" if method == "full" else "bf16")
    way = Way(choice, chosen_precision, optimizer, memory._replace(packed=method == "qlora"))
    cluster = Machines(devices, count, layout._replace(precise=bool(precision)))
    asked = step._replace(micro_batch=memory.rows, reference=refers(way))
    question = TrainQuestion(method, named, way, asked, run, cluster)
    if not spec.shape_known:
        return of_size(spec, lambda near: _answer(near, question))
    return _answer(spec, question)


class Machines(NamedTuple):
    """Devices, how many, and what was said of layouts."""

    devices: DeviceSet | None
    number: int
    layout: LayoutAsked


class TrainQuestion(NamedTuple):
    """What is asked of a model; `named` when the user named the method."""

    method: str
    named: bool
    way: Way
    step: StepAsked
    run: ComputeAsked
    cluster: Machines


def _answer(spec: ModelSpec, asked: TrainQuestion) -> TrainResult:
    way, (devices, number, layout) = asked.way, asked.cluster
    found = taken(spec, way)
    held, peaks, chosen, unsaid = found
    if not chosen.trainable:  # blocks of one element that are turned, in OFT
        raise UsageError(f"--method {asked.method} trains nothing of {spec.name} so.", "Choose a larger --lora-rank.")
    alone = devices if number == 1 else None
    fits = fit(spec, way, alone, asked.named) if alone else None
    cuts, searched, uncut = divided(spec, way, devices, number, layout)
    run = compute(spec, asked.run, lambda: share_of_full(spec, way.choice, asked.step))
    return TrainResult(
        model=model_ref(model_of(spec).about),
        method=asked.method,
        rank=way.choice.rank or DEFAULT_RANK.get(way.choice.method, 0),
        optimizer=way.optimizer,
        precision=way.precision,
        sequence=sequence_of(spec, way.memory),
        micro_batch=way.memory.micro_batch,
        checkpointing=way.memory.checkpointing,
        trainable_parameters=chosen.trainable,
        total_parameters=chosen.total,
        memory=_on_device(held, fits),
        peaks=peaks,
        fit=fits,
        layouts=cuts,
        layout_search=searched,
        flops=step_flops(spec, way.choice, asked.step),
        compute=run,
        modules=chosen.names,
        recipes=tuple(_recipes(chosen, way.optimizer)),
        ranges={},
        notes=once(
            (
                *chosen.notes,
                *_notes(spec, way.choice, way.precision, way.memory),
                *unsaid,
                *said(spec, way, found),
                *uncut,
                *_shares(cuts, run),
                *flops_notes(spec, way.choice, asked.step),
            )
        ),
    )


def _shares(cuts: tuple[TrainLayout, ...], run: TrainCompute | None) -> Iterator[Note]:
    """Why a layout's share of the rate is not the run's."""
    if cuts and run:
        yield note("mfu_twice", step_mfu=cuts[0].mfu, run_mfu=run.mfu, given=not run.mfu_from)


def _as_here(name: str, also: Mapping[str, str]) -> str:
    """A name as it is here, whoever calls it how."""
    plain = name.lower().replace("_", "-")
    return also.get(plain, plain)


def _check(method: str, rank: int | None, bias: str, tokens: int, optimizer: str, precision: str) -> None:
    for option, value, known in (
        ("--method", method, METHODS),
        ("--optimizer", optimizer, tuple(OPTIMIZERS)),
        ("--precision", precision or "amp", tuple(PRECISIONS)),
        ("--lora-bias", bias, ("none", "all", "lora_only")),
    ):
        if value not in known:
            raise UsageError(f"{option} {value} is not known.", f"One of: {', '.join(known)}.")
    if rank is not None and rank > MOST_RANK:
        raise UsageError(f"--lora-rank {rank:,}: more than any layer is wide.", "Usual are 8, 16 and 64.")
    if rank is not None and rank < 1:
        raise UsageError(f"--lora-rank {rank}: a rank is at least 1.", "Usual are 8, 16 and 64.")
    if tokens > LARGEST_SEQUENCE:
        raise UsageError(f"--virtual-tokens {tokens:,}: more than any sequence has.", "Usual are 20.")
    if tokens < 1:
        raise UsageError(f"--virtual-tokens {tokens}: at least 1.", "Usual are 20.")


def _loaded(reference: str, assume: str | None, catalogue: str | None) -> Loaded:
    loaded = load(reference, assume=assume, catalogue=catalogue)
    if isinstance(loaded, Undisclosed):
        raise UndisclosedError(
            f"Nobody outside knows the tensors of {loaded.entry.name}: what training it takes cannot be said.",
            "Take a model with a published config.",
        )
    return loaded


def _check_packed(reference: str, loaded: Loaded, precision: str) -> None:
    """Refuses files that are packed already; of a model by name its 16-bit weights are meant, whoever keeps them."""
    if reference.lower().endswith(".gguf") or (loaded.entry is None and loaded.spec.published_in):
        raise UsageError(
            f"QLoRA packs 16-bit weights itself, and those of {loaded.spec.name} are packed already.",
            "Name the 16-bit model that it was made of.",
        )
    if precision not in ("", "bf16"):
        raise UsageError(f"--method qlora computes in bf16, not --precision {precision}.", "Leave --precision out.")


def _names(text: str) -> tuple[str, ...]:
    return tuple(name.strip() for name in text.split(",") if name.strip())


Divided = tuple[tuple[TrainLayout, ...], LayoutSearch | None, tuple[Note, ...]]


def divided(spec: ModelSpec, way: Way, devices: DeviceSet | None, count: int, asked: LayoutAsked) -> Divided:
    """Layouts of several devices; a note where they are not modelled and nobody asked for one by its numbers."""
    if devices is None or count == 1:
        return (), None, ()
    try:
        check_divisible(way)
        return (*layouts(spec, way, devices, count, asked), ())
    except UnsupportedModelError as error:
        if asked.fixed or asked.number:
            raise
        return (), None, (note("layouts_not_modelled", why=error.message),)


def _on_device(memory: TrainMemory, found: TrainFit | None) -> TrainMemory:
    """With what is modelled on top of tensors on a card."""
    if found is None:
        return memory
    on_top = next(part.bytes for part in found.parts if part.part == OVERHEAD)
    return replace(memory, overhead_bytes=on_top, per_device_bytes=found.used_bytes)


def _recipes(chosen: Trained, optimizer: str) -> Iterator[RecipeLine]:
    for name, recipe in RECIPES.items():
        tensors = [
            Tensors(shape, copies, recipe.state) for shape, copies in (*chosen.own, *chosen.saved, *chosen.added)
        ]
        states = round(state_bytes(optimizer, tensors) / chosen.trainable, 4)
        total = recipe.weight + recipe.gradient + recipe.master + states
        yield RecipeLine(name, recipe.title, recipe.weight, recipe.gradient, recipe.master, states, round(total, 4))


def _notes(spec: ModelSpec, choice: MethodChoice, precision: str, memory: MemoryAsked) -> Iterator[Note]:
    yield from (note("said", text=warning) for warning in spec.warnings)
    if spec.published_in:
        yield note("unpacked_to_train", model=spec.name, method=spec.published_in)
    widest = largest_rank(spec, choice)
    if choice.rank > widest > 0:
        yield note("rank_above_width", rank=choice.rank, width=widest)
    if choice.method not in OWN and PRECISIONS[precision].weight == ADAPTER.weight // 2 and memory.adapter == "fp32":
        yield note("adapters_in_fp32")
