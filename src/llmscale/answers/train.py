"""``train``: what is trained, and what weights, gradients and optimizer states take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.results.common import model_ref
from llmscale.answers.results.train import RecipeLine, TrainMemory, TrainResult
from llmscale.answers.train_compute import NO_RUN, ComputeAsked, compute
from llmscale.answers.train_flops import USUAL_STEP, StepAsked, flops_notes, share_of_full, step_flops
from llmscale.answers.train_memory import USUAL_MEMORY, Held, MemoryAsked, check_memory, sequence_of, step_memory
from llmscale.errors import UndisclosedError, UsageError
from llmscale.fit.subject import model_of
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.sources.interface import Loaded, Undisclosed
from llmscale.sources.registry import load
from llmscale.training.methods import METHODS, MethodChoice, Trained, largest_rank, trained
from llmscale.training.optimizers import OPTIMIZERS, Tensors, state_bytes
from llmscale.training.packed import packed
from llmscale.training.precision import ADAPTER, RECIPES, Recipe


def train(
    reference: str,
    *,
    method: str = "full",
    lora_rank: int | None = None,
    lora_targets: str = "default",
    lora_bias: str = "none",
    modules_to_save: str = "",
    virtual_tokens: int = 20,
    optimizer: str = "adamw",
    precision: str = "",
    step: StepAsked = USUAL_STEP,
    run: ComputeAsked = NO_RUN,
    memory: MemoryAsked = USUAL_MEMORY,
    assume: str | None = None,
    catalogue: str | None = None,
) -> TrainResult:
    """Counts and bytes of training a model.

    Raises:
        UsageError: a choice that does not exist, or that peft refuses for this model.
        UndisclosedError: a model whose tensors nobody outside knows.
    """
    _check(method, lora_rank, lora_bias, virtual_tokens, optimizer, precision)
    check_memory(memory)
    loaded = _loaded(reference, assume, catalogue)
    spec = loaded.spec
    if method == "qlora":
        _check_packed(reference, loaded, precision)
    targets = () if lora_targets == "default" else _names(lora_targets)
    counted = "lora" if method == "qlora" else method
    choice = MethodChoice(counted, lora_rank or 0, targets, lora_bias, _names(modules_to_save), virtual_tokens)
    chosen = trained(spec, choice)
    chosen_precision = precision or ("amp" if method == "full" else "bf16")
    memory = memory._replace(packed=method == "qlora")
    held = _memory(spec, chosen, RECIPES[chosen_precision], optimizer, memory)
    peaks, unsaid = step_memory(spec, choice, held, chosen_precision, optimizer, memory)
    return TrainResult(
        model=model_ref(model_of(spec).about),
        method=method,
        optimizer=optimizer,
        precision=chosen_precision,
        sequence=sequence_of(spec, memory),
        micro_batch=memory.micro_batch,
        checkpointing=memory.checkpointing,
        trainable_parameters=chosen.trainable,
        total_parameters=chosen.total,
        memory=held.memory,
        peaks=peaks,
        flops=step_flops(spec, choice, step),
        compute=compute(spec, run, lambda: share_of_full(spec, choice, step)),
        modules=chosen.names,
        recipes=tuple(_recipes(chosen, optimizer)),
        notes=(
            *chosen.notes,
            *_notes(spec, choice, chosen_precision, memory),
            *unsaid,
            *flops_notes(spec, choice, step),
        ),
    )


def _check(method: str, rank: int | None, bias: str, tokens: int, optimizer: str, precision: str) -> None:
    for option, value, known in (
        ("--method", method, METHODS),
        ("--optimizer", optimizer, tuple(OPTIMIZERS)),
        ("--precision", precision or "amp", tuple(RECIPES)),
        ("--lora-bias", bias, ("none", "all", "lora_only")),
    ):
        if value not in known:
            raise UsageError(f"{option} {value} is not known.", f"One of: {', '.join(known)}.")
    if rank is not None and rank < 1:
        raise UsageError(f"--lora-rank {rank}: a rank is at least 1.", "Usual are 8, 16 and 64.")
    if tokens < 1:
        raise UsageError(f"--virtual-tokens {tokens}: at least 1.", "Usual are 20.")


def _loaded(reference: str, assume: str | None, catalogue: str | None) -> Loaded:
    loaded = load(reference, assume=assume, catalogue=catalogue)
    if isinstance(loaded, Undisclosed):
        raise UndisclosedError(
            f"Nobody outside knows the tensors of {loaded.entry.name}: what training it takes cannot be said.",
            "Take a model with a published config.",
        )
    if not loaded.spec.shape_known:
        raise UsageError(
            f"'{reference}' is a size without a shape, and what is trained depends on the shape.",
            "Name a model of about that size: llmscale models list.",
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


def _memory(spec: ModelSpec, chosen: Trained, recipe: Recipe, optimizer: str, asked: MemoryAsked) -> Held:
    adapter = ADAPTER if asked.adapter == "fp32" else recipe
    saved, added = _elements(chosen.saved), _elements(chosen.added)
    own = _elements(chosen.own) + saved
    weights = (chosen.base + saved) * recipe.weight + own * recipe.master + (added + chosen.fixed) * adapter.weight
    if asked.packed:
        elements, size = packed(spec)
        left = ADAPTER.weight if asked.kbit == "peft" else recipe.weight
        weights = size + (chosen.base + saved - elements) * left + (added + chosen.fixed) * adapter.weight
    gradients = own * recipe.gradient + added * adapter.gradient
    tensors = [Tensors(shape, copies, recipe.state) for shape, copies in (*chosen.own, *chosen.saved)]
    tensors += [Tensors(shape, copies, adapter.state) for shape, copies in chosen.added]
    states = state_bytes(optimizer, tensors)
    return Held(TrainMemory(weights, gradients, states, weights + gradients + states), tensors)


def _elements(tensors: Sequence[tuple[tuple[int, ...], int]]) -> int:
    return sum(Tensors(shape, copies, 1).elements * copies for shape, copies in tensors)


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
    if choice.method != "full" and RECIPES[precision].weight == ADAPTER.weight // 2 and memory.adapter == "fp32":
        yield note("adapters_in_fp32")
