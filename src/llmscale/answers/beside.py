"""What is loaded with a model: its vision tower and a draft model, as ``--mmproj`` and ``--draft`` name them."""

from __future__ import annotations

from llmscale.answers.model import Model
from llmscale.errors import UsageError
from llmscale.fit.footprint import Beside
from llmscale.formats.recipe import Quant
from llmscale.formats.select import selected
from llmscale.model.inventory import inventory
from llmscale.runtimes.interface import Options
from llmscale.sources import load


def beside(model: Model, quant: Quant, options: Options, catalogue: str | None) -> tuple[Beside, ...]:
    """The models that `options` name besides `model`, which is in `quant`; a draft model is in the same by default.

    Raises:
        UsageError: a draft model or a tower that cannot be, a type of file that the converter does not write.
        UnsupportedModelError: a tower whose file nobody checked.
    """
    if options.draft_quant and not options.draft:
        raise UsageError("--draft-quant names the format of a draft model, and none is named.", "Add --draft MODEL.")
    if not options.mmproj and not options.draft:
        return ()
    if not model.counted:
        raise UsageError(
            f"--mmproj and --draft need a model whose tensors are known; {model.ref.name} is a size alone."
        )
    from llmscale.runtimes.llama_cpp.beside import draft_of, projector_of

    assert model.spec is not None
    assert model.parts is not None
    found: list[Beside] = []
    if options.mmproj:
        found.append(projector_of(model.spec, model.parts, options.mmproj))
    if options.draft:
        drafts = load(options.draft, catalogue=catalogue).known()
        if not drafts.shape_known:
            raise UsageError(f"--draft {drafts.name} is a size alone, and a draft model's tensors must be known.")
        form = selected([options.draft_quant])[0][0] if options.draft_quant else quant
        found.append(draft_of(model.spec, drafts, inventory(drafts), form))
    return tuple(found)
