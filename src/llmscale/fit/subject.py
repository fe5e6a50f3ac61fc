"""What is asked about: a model whose tensors are at hand, one of the catalogue as it was compiled, or a bare size.

A `Model` is one of three without a quant; in a quant it is a `Subject`, and no field of either may be missing.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import field
from functools import cached_property

from llmscale.catalogue.summaries import ModelSummary, compiled, sizes
from llmscale.errors import UnsupportedModelError
from llmscale.fit.about import About
from llmscale.fit.neighbours import neighbours
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST, Quant
from llmscale.model.derived import by_tensors
from llmscale.model.inventory import Inventory, inventory
from llmscale.model.shape import Shape
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note, note
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple, dataclass
from llmscale.runtimes.subject import Exact, SizedWeights, Summary


class BareSize(NamedTuple):
    """Weights alone; models of about that size answer for all else.

    Attributes:
        neighbours: of which no two are alike.
        models: of every model of about that size, the nearest first, the number of the neighbour that it is like.
    """

    name: str
    weights: Quantity
    quant: Quant
    neighbours: tuple[Summary, ...]
    models: tuple[int, ...]


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
        return self.subject(quant, "").in_file.device

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
        return Summary(about.name, self.widths, self._sizes(quant), quant, made, about.family, about.limit)

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


@dataclass(frozen=True, eq=False)
class Bare:
    """A size alone.

    Attributes:
        ends: the least and the most parameters that are meant.
        spread: whether these differ.
        stored: the format of a file that is at hand; None where there is none.
    """

    about: About
    ends: tuple[int, int]
    spread: bool
    stored: Quant | None = None

    @cached_property
    def around(self) -> tuple[ModelSummary, ...]:
        """Models of about its size."""
        return neighbours(self.about.parameters, self.about.active < self.about.parameters)

    def subject(self, quant: Quant, engine: str) -> BareSize:
        """It in a quant, with the models around it in the same one where they can be had in it.

        Raises:
            UnsupportedModelError: nobody of its size can be asked.
        """
        every = [_neighbour(model, quant, engine) for model in self.around]
        keys = [(near.widths, repr(near.compiled)) for near in every]
        alike: dict[tuple[Shape, str], Summary] = {}
        for key, near in zip(keys, every, strict=True):
            alike.setdefault(key, near)
        number = {key: place for place, key in enumerate(alike)}
        models = tuple(number[key] for key in keys)
        return BareSize(self.about.name, self.weights(quant), quant, tuple(alike.values()), models)

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights: of a plain width exactly, else by the bits that models of about its size take.

        Raises:
            UnsupportedModelError: nobody of its size can be asked.
        """
        total, (low, high) = self.about.parameters, self.ends
        if quant.stored:
            return Quantity.exactly(sum(each.bytes for each in quant.stored))
        if quant.plain:
            one = format_of(quant.rules[REST])
            size, least, most = (one.size((count,)) for count in (total, low, high))
            # The weights of a bare size follow from it; a reported one is no better than its report.
            basis = Basis.EXACT if self.about.basis is Basis.ASSUMED and not self.spread else self.about.basis
            return Quantity(size, least, most, basis)
        bits = sorted(bits for model in self.around if (bits := _bits(model, quant)))
        if not bits:
            raise UnsupportedModelError(
                f"{self.about.name} is only a size: what {quant.name} makes of it depends on its tensors.",
                "Name a model or a config.json, or a plain width such as int4.",
            )
        middle = bits[(len(bits) - 1) // 2]
        value, least, most = (round(c * b / 8) for c, b in ((total, middle), (low, bits[0]), (high, bits[-1])))
        return Quantity(value, least, most, Basis.ASSUMED)

    def on_devices(self, quant: Quant) -> int:
        """The fewest bytes of the weights that lie on devices which take all layers."""
        return self.weights(quant).low

    def has(self, quants: Iterable[Quant]) -> list[Quant]:
        """Those of `quants` that there is an answer in."""
        return [quant for quant in quants if quant.plain or any(_bits(model, quant) for model in self.around)]


Model = Counted | Listed | Bare


def _bits(model: ModelSummary, quant: Quant) -> float | None:
    """Bits per parameter that a model's weights take in a quant; None where it cannot be had in it."""
    found = sizes(quant.runtime, model.id).get(quant.id)
    return 8 * found[0] / model.parameters if found else None


def _neighbour(model: ModelSummary, quant: Quant, engine: str) -> Summary:
    """A model of about the size; a size says nothing of the code that it runs through."""
    nothing = SizedWeights(Quantity.exactly(0, Basis.ASSUMED))
    widths = Shape.from_json(model.widths or ())._replace(max_context=None)
    return Summary(model.name, widths, nothing, quant, compiled(engine, model.id), exact=False)


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
        notes=(*taken, *(note("said", text=warning) for warning in spec.warnings)),
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
