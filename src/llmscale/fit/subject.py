"""What is asked about: a model whose tensors are at hand, one of the catalogue as it was compiled, or a bare size.

A `Model` is one of three without a quant; in a quant it is a `Subject`, and no field of either may be missing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field

from llmscale.catalogue.summaries import ModelSummary, compiled, sizes
from llmscale.errors import UnsupportedModelError
from llmscale.fit.about import About
from llmscale.fit.bare import Bare, BareSize
from llmscale.formats.recipe import Quant
from llmscale.model.derived import by_tensors
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.prediction import uncounted
from llmscale.model.shape import Shape
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.quantity import Basis, Quantity
from llmscale.records import dataclass
from llmscale.runtimes.subject import Exact, SizedWeights, Summary

Subject = Exact | Summary | BareSize


@dataclass(frozen=True, eq=False)
class Counted:
    """A model whose tensors are at hand.

    Attributes:
        stored: the format of a file that is at hand as well; None where there is none.
    """

    about: About
    spec: ModelSpec
    inventory: Inventory
    stored: Quant | None = None
    _known: dict[tuple[str, str], Exact] = field(default_factory=dict, repr=False)

    def subject(self, quant: Quant, engine: str) -> Exact:
        """It in a quant; the same one whenever it is asked."""
        key = (quant.id, quant.name)
        if key not in self._known:
            self._known[key] = Exact(self.spec, self.inventory, quant)
        return self._known[key]

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights.

        Raises:
            UnsupportedModelError: the quant does not take this model.
        """
        return self.subject(quant, "").weights

    def on_devices(self, quant: Quant) -> int:
        """The fewest bytes of the weights that lie on devices which take all layers."""
        return self.subject(quant, "").on_devices

    def has(self, quants: Iterable[Quant]) -> list[Quant]:
        """Those of `quants` that it can be had in."""
        return [quant for quant in quants if self._has(quant)]

    def _has(self, quant: Quant) -> bool:
        try:
            self.weights(quant)
        except UnsupportedModelError:
            return False
        return True


@dataclass(frozen=True, eq=False)
class Listed:
    """A model of the catalogue, from what was compiled of it; its tensors are not looked at.

    Attributes:
        sized: bytes by quant where they were computed for this very answer; empty for what ships.
    """

    about: About
    summary: ModelSummary
    widths: Shape
    sized: Mapping[str, list[int]] = field(default_factory=dict)

    def subject(self, quant: Quant, engine: str) -> Summary:
        """It in a quant, with what was compiled for the runtime that does the work.

        Raises:
            UnsupportedModelError: it cannot be had in it.
        """
        about = self.about
        made = compiled(engine, about.id)
        text = self.summary.text
        return Summary(about.name, self.widths, self._sizes(quant), quant, made, about.family, about.limit, text=text)

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights.

        Raises:
            UnsupportedModelError: it cannot be had in this quant.
        """
        return self._sizes(quant).total

    def on_devices(self, quant: Quant) -> int:
        """The fewest bytes of the weights that lie on devices which take all layers."""
        found = self._found(quant)
        return found[1] if len(found) > 1 else found[0]

    def has(self, quants: Iterable[Quant]) -> list[Quant]:
        """Those of `quants` that it can be had in."""
        quants = list(quants)
        known = {runtime: self._all(runtime) for runtime in {quant.runtime for quant in quants}}
        return [quant for quant in quants if quant.id in known[quant.runtime]]

    def _all(self, runtime: str) -> Mapping[str, list[int]]:
        return self.sized or sizes(runtime, self.about.id)

    def _found(self, quant: Quant) -> list[int]:
        found = self._all(quant.runtime).get(quant.id)
        if found is None:
            raise UnsupportedModelError(f"{self.about.name} cannot be had in {quant.name}.")
        return found

    def _sizes(self, quant: Quant) -> SizedWeights:
        found = self._found(quant)
        total, device, *more = found if len(found) > 1 else (*found, *found)
        return SizedWeights(Quantity.exactly(total), device, *more)


Model = Counted | Listed | Bare


def model_of(spec: ModelSpec, stored: Quant | None = None, taken: tuple[Note, ...] = ()) -> Counted | Bare:
    """What answers need of `spec`; a bare size gets the models of about its size.

    Args:
        stored: of the file it is in, the quant that its tensors have.
        taken: what the user's name of it was taken for.

    Raises:
        UnsupportedModelError: nothing but its weights is known.
    """
    if spec.weights_only:
        raise UnsupportedModelError(
            f"{spec.name} is {spec.weights_only}: what it takes besides is not modelled.",
            f"llmscale params {shlex.quote(spec.source)} has its weights.",
        )
    parts = inventory(spec)
    total, active = parts.total(), parts.active()
    assumed = spec.basis is Basis.ASSUMED
    said = [note("said", text=warning) for warning in spec.warnings]
    beside = note("said", text=uncounted(spec.prediction_layers))
    about = About(
        id=spec.id,
        name=spec.name,
        source=spec.source,
        basis=spec.basis,
        parameters=total,
        active=active,
        limit=spec.max_context,
        sequence=spec.sequence,
        published_in=spec.published_in,
        family=spec.family if (spec.shape_known or by_tensors(spec.family)) and not assumed else "",
        notes=(*taken, *said),
        uncounted=beside if beside in said else None,
    )
    if spec.shape_known:
        return Counted(about, spec, parts, stored)
    ends = spec.parameters_range or (total, total)
    return Bare(about, ends, spec.parameters_range is not None, stored)


def listed(found: ModelSummary) -> Listed | None:
    """A model as it was compiled; None where its tensors are not known."""
    if found.widths is None:
        return None
    widths = Shape.from_json(found.widths)
    about = About(
        id=found.id,
        name=found.name,
        source=found.source,
        basis=Basis.EXACT,
        parameters=found.parameters,
        active=found.active or found.parameters,
        limit=found.limit,
        sequence=widths.sequence,
        published_in=found.published_in,
        family=found.family,
    )
    return Listed(about, found, widths)
