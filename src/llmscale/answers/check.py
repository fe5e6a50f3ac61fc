"""``models check``: every catalogue model recounted and held against what its publisher states."""

from __future__ import annotations

from llmscale.answers.results.check import CheckedModel, CheckResult
from llmscale.catalogue import entries as model_catalogue
from llmscale.model.inventory import inventory
from llmscale.sources.catalogue import of_entry

#: A stated figure further off than this from the count needs a written reason.
STATED_WITHIN = 0.005


def check_models(*, catalogue: str | None = None) -> CheckResult:
    """Recount every catalogue model that has hyper-parameters and hold it against what its publisher states.

    The models of the user's own `catalogue` are among them.
    """
    differing, checked = [], 0
    for entry in model_catalogue.entries(catalogue):
        if not entry.config or not entry.parameters:
            continue
        checked += 1
        spec = of_entry(entry).known()
        counted = inventory(spec).total()
        relative = entry.parameters / counted - 1
        if abs(relative) > STATED_WITHIN:
            differing.append(
                CheckedModel(
                    id=entry.id,
                    stated=entry.parameters,
                    counted=counted,
                    relative=relative,
                    difference=entry.difference,
                    explained=bool(entry.difference),
                    source=entry.owner,
                )
            )
    return CheckResult(checked, tuple(differing), sum(not line.explained for line in differing))
