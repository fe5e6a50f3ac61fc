"""FLOPs of a step as ``train`` shows them, and what is refused or said of it."""

from __future__ import annotations

from collections.abc import Iterator

from llmscale.answers.results.train_flops import TrainFlops
from llmscale.errors import UsageError
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.training.activations.step import fused
from llmscale.training.checkpoints import checkpoints
from llmscale.training.flops.step import Step, flops, six_nd, uncounted
from llmscale.training.flops.taking_part import COUNTED, taking_part
from llmscale.training.methods import MethodChoice

USUAL_SEQUENCE = 2048
LARGEST_BATCH = 1 << 20
ATTENTION = ("flash", "sdpa", "eager")
SCORES = ("square", "causal")


class StepAsked(NamedTuple):
    """What the user said of a step; a sequence of None is `USUAL_SEQUENCE`, or what the model always sees; whether a
    frozen `reference` runs forward too."""

    sequence: int | None = None
    micro_batch: int = 1
    checkpointing: str = "none"
    attention: str = "flash"
    scores: str = "square"
    reference: bool = False


USUAL_STEP = StepAsked()


def sequence_of(spec: ModelSpec, asked: StepAsked) -> int:
    """Tokens of a sequence."""
    return spec.sequence or asked.sequence or min(USUAL_SEQUENCE, spec.max_context or USUAL_SEQUENCE)


def step_flops(spec: ModelSpec, choice: MethodChoice, asked: StepAsked) -> TrainFlops:
    """FLOPs of the step that was asked for; forward and backward are None where they are not counted.

    Raises:
        UsageError: a choice that does not exist.
    """
    _check(asked)
    sequence = sequence_of(spec, asked)
    tokens = sequence * asked.micro_batch
    six, active = six_nd(spec, tokens, active=False), six_nd(spec, tokens, active=True)
    how = None if uncounted(spec) or _rerun_unknown(spec, asked) else taking_part(spec, choice)
    if how is None:
        return TrainFlops(None, None, None, 0, six, active, sequence, asked.micro_batch, asked.scores)
    flash, again = asked.attention != "eager" and fused(spec), checkpoints(asked.checkpointing).every
    step = Step(asked.micro_batch, sequence, flash, again, choice.method != "full", asked.scores == "causal")
    found = flops(spec, step, how)
    bare = taking_part(spec, MethodChoice()) if asked.reference else None
    beside = flops(spec, step._replace(checkpointing=0), bare).forward if bare else 0
    return TrainFlops(*found, beside, six, active, sequence, asked.micro_batch, asked.scores)


def _rerun_unknown(spec: ModelSpec, asked: StepAsked) -> bool:
    """Whether it is not known which products are run again."""
    again = checkpoints(asked.checkpointing)
    stacks = {placed.prefix.partition("{layer}")[0] for placed in spec.placed if placed.layers and not placed.tower}
    return again.selective or (again.every > 1 and len(stacks) > 1)


def share_of_full(spec: ModelSpec, choice: MethodChoice, asked: StepAsked) -> float:
    """FLOPs of a method for 1 of training all of the model; 1 where they are not counted."""
    plain = asked._replace(checkpointing="none", attention="eager")
    own, full = step_flops(spec, choice, plain), step_flops(spec, MethodChoice(), plain._replace(reference=False))
    if own.forward is None or own.backward is None or full.forward is None or full.backward is None:
        return 1.0
    return (own.forward + own.backward + own.reference) / (full.forward + full.backward)


def flops_notes(spec: ModelSpec, choice: MethodChoice, asked: StepAsked) -> Iterator[Note]:
    """What a reader of the FLOPs must know."""
    block = uncounted(spec)
    if block or _rerun_unknown(spec, asked):
        yield note("flops_not_counted", what=block or f"--checkpointing {asked.checkpointing}")
    elif choice.method not in COUNTED or taking_part(spec, choice) is None:
        yield note("flops_not_counted", what=choice.method)
    if any(placed.tower for placed in spec.placed):
        yield note("flops_of_text")
    if asked.sequence and spec.max_context and asked.sequence > spec.max_context:
        yield note("context_beyond_limit", context=asked.sequence, limit=spec.max_context)


def _check(asked: StepAsked) -> None:
    checkpoints(asked.checkpointing)
    for option, value, known in (
        ("--attn", asked.attention, ATTENTION),
        ("--flops", asked.scores, SCORES),
    ):
        if value not in known:
            raise UsageError(f"{option} {value} is not known.", f"One of: {', '.join(known)}.")
    if not 1 <= asked.micro_batch <= LARGEST_BATCH:
        raise UsageError(f"--micro-batch must lie between 1 and {LARGEST_BATCH:,}.", "Usual are 1 to 16.")
