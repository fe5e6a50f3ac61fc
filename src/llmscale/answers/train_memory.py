"""Activations and peaks of a step as ``train`` shows them, and why where they are not modelled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.results.train import TrainMemory, TrainPeaks
from llmscale.errors import UsageError
from llmscale.model.blocks.attention import Attention
from llmscale.model.blocks.embedding import Embedding, Head
from llmscale.model.blocks.mlp import GatedMlp, Mlp
from llmscale.model.blocks.norm import Norm
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.training.activations.composed import composes
from llmscale.training.activations.losses import LOSSES, UNDER_AUTOCAST
from llmscale.training.activations.ops import Setting
from llmscale.training.activations.step import counts_layers, freezes, fused, missing, passes, sends_away
from llmscale.training.adapters import DEFAULT_RANK
from llmscale.training.checkpoints import checkpoints
from llmscale.training.experts import wanted_parts
from llmscale.training.methods import RENAMES_EXPERTS, MethodChoice, adapted_modules
from llmscale.training.modules import in_checkpoint
from llmscale.training.objectives import OBJECTIVES
from llmscale.training.offload import ACTIVATIONS, WORDS
from llmscale.training.optimizers import OPTIMIZERS, Tensors
from llmscale.training.precision import ADAPTER, BOTH, PRECISIONS

USUAL_SEQUENCE = 2048
LARGEST_BATCH = 1 << 20
LARGEST_SEQUENCE = 1 << 27
#: How weights are computed with; of the other recipes, which are other engines', activations are not modelled.
TORCH = ("fp32", "amp", "bf16", BOTH)
#: Of those, what autocasts.
AUTOCAST = ("amp", BOTH)


#: Blocks whose costly results are known.
SELECTED = (Attention, Embedding, GatedMlp, Head, Mlp, Norm)


class MemoryAsked(NamedTuple):
    """What the user said of a step.

    Attributes:
        sequence: None for `USUAL_SEQUENCE`, or the model's own limit.
        kbit: what makes a packed model ready: ``peft`` casts all that is not packed to fp32, ``none`` leaves it.
        packed: whether the method is QLoRA.
        objective: of `OBJECTIVES`.
        reference: whether its reference is there while training; not where log-probabilities were computed before.
        divergence: whether a KL term needs one where none is usual (GRPO).
        completion: tokens of a sequence that are answers; 0 for all.
        loss: ``logits`` makes them in fp32; of the others each its own way, ``cut`` none; empty: as the objective's.
        offload: of `offload.WORDS`, what goes to the host's memory.
    """

    sequence: int | None = None
    micro_batch: int = 1
    checkpointing: str = "none"
    attention: str = "sdpa"
    padded: bool = False
    adapter: str = "fp32"
    kbit: str = "peft"
    packed: bool = False
    loss: str = ""
    objective: str = "sft"
    reference: bool = True
    divergence: bool = False
    completion: int = 0
    offload: frozenset[str] = frozenset()

    @property
    def rows(self) -> int:
        """Sequences that one step runs at once."""
        return self.micro_batch * OBJECTIVES[self.objective].sequences

    @property
    def way(self) -> str:
        """How the loss is computed."""
        return self.loss or OBJECTIVES[self.objective].loss


class Held(NamedTuple):
    """What stands between two steps, and the tensors that the device steps."""

    memory: TrainMemory
    tensors: Sequence[Tensors]


USUAL_MEMORY = MemoryAsked()


def check_memory(asked: MemoryAsked) -> None:
    """Refuse what does not exist.

    Raises:
        UsageError: a word or a number that is none.
    """
    checkpoints(asked.checkpointing)
    if asked.objective not in OBJECTIVES:
        raise UsageError(f"--objective {asked.objective[:40]} is not known.", f"One of: {', '.join(OBJECTIVES)}.")
    _check_objective(asked)
    for option, value, known in (
        ("--attn", asked.attention, ("sdpa", "flash", "eager")),
        ("--adapter-dtype", asked.adapter, ("fp32", "bf16")),
        ("--kbit-prepare", asked.kbit, ("peft", "none")),
        ("--loss", asked.way, ("logits", *LOSSES)),
    ):
        if value not in known:
            raise UsageError(f"{option} {value} is not known.", f"One of: {', '.join(known)}.")
    unknown = sorted(asked.offload.difference(WORDS))
    if unknown:
        raise UsageError(f"--offload {unknown[0][:40]} is not known.", f"One of: {', '.join(WORDS)}.")
    if not 1 <= asked.micro_batch <= LARGEST_BATCH:
        raise UsageError(f"--micro-batch must lie between 1 and {LARGEST_BATCH:,}.", "Usual are 1 to 16.")
    if asked.sequence is not None and not 1 <= asked.sequence <= LARGEST_SEQUENCE:
        raise UsageError(f"--seq must lie between 1 and {LARGEST_SEQUENCE:,} tokens.", "For example 2048 or 8k.")


def _check_objective(asked: MemoryAsked) -> None:
    kind = OBJECTIVES[asked.objective]
    if not asked.reference and (kind.reference != "yes" or kind.generates):
        raise UsageError(f"--precompute-ref: {kind.title} has nothing to compute before.", "It belongs to dpo and kto.")
    if asked.divergence and kind.reference != "asked":
        raise UsageError(f"--kl: {kind.title} has no such choice.", "It belongs to grpo.")
    if asked.completion and asked.way != "trl":
        raise UsageError(f"--completion: --loss {asked.way} makes logits of every token.", "Add --loss trl.")
    if asked.completion and not 1 <= asked.completion <= (asked.sequence or USUAL_SEQUENCE):
        raise UsageError("--completion: from 1 to as many tokens as a sequence has.", "For example 512.")


def sequence_of(spec: ModelSpec, asked: MemoryAsked) -> int:
    """Tokens of a sequence."""
    return spec.sequence or asked.sequence or min(USUAL_SEQUENCE, spec.max_context or USUAL_SEQUENCE)


def step_memory(
    spec: ModelSpec, choice: MethodChoice, held: Held, precision: str, optimizer: str, asked: MemoryAsked
) -> tuple[TrainPeaks | None, tuple[Note, ...]]:
    """Fill in what a step holds, and say the peaks; or a note why not."""
    why = _unmodelled(spec, choice, precision, asked)
    if why:
        return None, (note("activations_not_modelled", what=why),)
    found = passes(spec, _setting(spec, choice, precision, asked), checkpoints(asked.checkpointing).every)
    memory, step = held.memory, OPTIMIZERS[optimizer].step
    memory.activations_bytes = found.kept
    memory.host_bytes += found.host
    if step is None:
        return None, (note("step_not_modelled", optimizer=OPTIMIZERS[optimizer].title),)
    temporary = memory.gradients_bytes + (step(held.tensors) if held.tensors else 0)
    most = max(found.forward, found.backward, temporary)
    memory.temporary_bytes = max(0, most - max(memory.gradients_bytes, found.kept))
    memory.total_bytes = memory.weights_bytes + memory.optimizer_bytes + most
    parts = {
        "forward": memory.weights_bytes + found.forward,
        "backward": memory.weights_bytes + found.backward,
        "step": memory.weights_bytes + memory.optimizer_bytes + temporary,
    }
    moment = max(parts, key=lambda part: parts[part])
    return TrainPeaks(parts["forward"], parts["backward"], parts["step"], moment), tuple(_said(spec, asked, found.host))


def _said(spec: ModelSpec, asked: MemoryAsked, host: int) -> Iterator[Note]:
    if asked.sequence and spec.max_context and asked.sequence > spec.max_context:
        yield note("context_beyond_limit", context=asked.sequence, limit=spec.max_context)
    if asked.attention == "sdpa" and composes(spec):
        yield note("sdpa_composed", kernel=fused(spec))
    if host:
        yield note("offloaded_activations", size=host)


def _unmodelled(spec: ModelSpec, choice: MethodChoice, precision: str, asked: MemoryAsked) -> str:
    why = missing(spec)
    if why:
        return why
    if choice.method not in ("full", "lora", "dora", "freeze"):
        return f"--method {choice.method}"
    if asked.attention == "flash" and not fused(spec):
        return f"--attn flash of model type '{spec.family}'"
    if choice.method == "freeze" and not freezes(spec):
        return "--method freeze with an encoder"
    if precision not in TORCH or (precision in AUTOCAST and not _casts(spec, choice, precision)):
        return f"--precision {precision}" + ("" if choice.method == "full" else f" with {choice.method}")
    if OBJECTIVES[asked.objective].scored != (0, 0):
        return f"--objective {asked.objective}, with a second model that is trained"
    cast = precision in AUTOCAST and asked.way not in UNDER_AUTOCAST
    if asked.way in LOSSES and not counts_layers(spec):
        return f"--loss {asked.way} behind two stacks"
    if asked.way in LOSSES and (cast or not isinstance(spec.placed[-1].block, Head)):
        return f"--loss {asked.way}" + (" under autocast" if cast else " behind this head")
    if checkpoints(asked.checkpointing).selective and not _is_selected(spec, choice, precision, asked):
        return "--checkpointing selective of this model or method"
    if ACTIVATIONS in asked.offload and not sends_away(spec):
        return f"--offload {ACTIVATIONS} of model type '{spec.family}'"
    if checkpoints(asked.checkpointing).every > 1 and not counts_layers(spec):
        return f"--checkpointing {asked.checkpointing} of two stacks"
    if choice.save or choice.bias != "none":
        return "--modules-to-save" if choice.save else "--lora-bias"
    chosen, _ = adapted_modules(spec, choice)
    odd = next((module.label for module in chosen if module.head or module.kind.value == "embedding"), "")
    return f"an adapter of {odd}" if odd else ""


def _is_selected(spec: ModelSpec, choice: MethodChoice, precision: str, asked: MemoryAsked) -> bool:
    """Whether what selective checkpoints keep was followed in the class: dense layers, whole or with LoRA."""
    plain = all(isinstance(placed.block, SELECTED) for placed in spec.placed)
    return plain and choice.method in ("full", "lora") and not asked.packed and precision not in AUTOCAST


def _casts(spec: ModelSpec, choice: MethodChoice, precision: str) -> bool:
    """Whether autocast is modelled: over weights in 32 bits, and beside adapters, of experts where these are in 16."""
    if choice.method == "lora":
        return precision == BOTH or not wanted_parts(spec, choice.targets)
    return choice.method == "full" and precision != BOTH


def _setting(spec: ModelSpec, choice: MethodChoice, precision: str, asked: MemoryAsked) -> Setting:
    narrow = PRECISIONS[precision].weight
    width = ADAPTER.weight if asked.packed and asked.kbit == "peft" else narrow
    chosen, _ = adapted_modules(spec, choice)
    return Setting(
        batch=asked.rows,
        seq=sequence_of(spec, asked),
        width=width,
        trains=choice.method not in RENAMES_EXPERTS,
        frozen=spec.layers - choice.last if choice.method == "freeze" else 0,
        adapted=in_checkpoint(spec, chosen),
        rank=choice.rank or DEFAULT_RANK.get(choice.method, 0),
        adapter=ADAPTER.weight if asked.adapter == "fp32" else narrow,
        eager=asked.attention == "eager",
        windows=asked.attention == "sdpa",
        masked=asked.padded,
        autocast=precision in AUTOCAST,
        packed=asked.packed,
        magnitudes=choice.method == "dora",
        experts=wanted_parts(spec, choice.targets) if choice.method == "lora" else frozenset(),
        loss=asked.way,
        scored=asked.completion,
        selective=checkpoints(asked.checkpointing).selective,
        away=ACTIVATIONS in asked.offload,
    )
