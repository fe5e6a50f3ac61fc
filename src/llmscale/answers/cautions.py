"""What an estimate should not be read without: rules that stand for what is not modelled, limits that are passed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from llmscale.answers.model import Model
from llmscale.answers.results.estimate import Estimate
from llmscale.devices.sets import DeviceSet
from llmscale.names import SPELT
from llmscale.runtimes import TENSOR_PARALLEL


def cautions(
    model: Model, estimates: Sequence[Estimate], sets: Sequence[DeviceSet], context: int | None
) -> Iterator[str]:
    """One sentence each.

    Args:
        context: as it was asked for, None where it was not.
    """
    name, spec = model.ref.name, model.spec
    for runtime in TENSOR_PARALLEL:
        served = [device for line in estimates if line.runtime == runtime for device in line.devices]
        if served and all(device.max_concurrency is None for device in served):
            yield f"How {SPELT[runtime]} lays out {name} is not modelled; a general rule stands for it."
    if any(each.runtime == "transformers" for each in estimates) and _ruled(model):
        from llmscale.runtimes.transformers.rule import RULE_HIGH, RULE_PICTURES

        yield (
            f"How transformers runs {name} is not traced; a general rule stands for its activations, which may "
            f"be {RULE_PICTURES if model.sequence else RULE_HIGH} times as much."
        )
    if context and spec and spec.max_context and context > spec.max_context:
        yield f"A context of {context:,} is beyond the model's own limit of {spec.max_context:,} tokens."
    unlike = next((devices.id for devices in sets if devices.members), None)
    for runtime in TENSOR_PARALLEL:
        if unlike and any(each.runtime == runtime for each in estimates):
            yield f"{SPELT[runtime]} puts the same on each device: of {unlike}, what the smallest has room for."
    if context and model.sequence:
        yield f"{name} always sees {model.sequence:,} tokens; --context changes nothing."


def _ruled(model: Model) -> bool:
    """Whether a rule answers for what transformers has alive of a model whose tensors are known."""
    if model.spec is None or not model.counted:
        return False
    from llmscale.runtimes.transformers.forward import is_traced

    return not is_traced(model.spec)
