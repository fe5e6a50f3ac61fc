"""A bare size, for which the models of about that size answer."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import field
from functools import cached_property

from llmscale.catalogue.summaries import ModelSummary, compiled, sizes
from llmscale.errors import UnsupportedModelError
from llmscale.fit.about import About
from llmscale.fit.neighbours import neighbours
from llmscale.formats.catalogue import format_of
from llmscale.formats.recipe import REST, Quant
from llmscale.model.shape import Shape
from llmscale.quantity import Basis, Quantity
from llmscale.records import NamedTuple, dataclass
from llmscale.runtimes.placed import Placement
from llmscale.runtimes.subject import SizedWeights, Summary


class BareSize(NamedTuple):
    """Weights alone; models of about that size answer for all else.

    Attributes:
        neighbours: of which no two are alike.
        models: of every model of about that size, the nearest first, the number of the neighbour that it is like.
        screened: where it was found to lie by kind of devices, and what these hold besides; see `screens_alike`.
    """

    name: str
    weights: Quantity
    quant: Quant
    neighbours: tuple[Summary, ...]
    models: tuple[int, ...]
    screened: dict[Hashable, tuple[Placement, int]]


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
    _known: dict[tuple[str, str, str], BareSize] = field(default_factory=dict, repr=False)
    _weights: dict[tuple[str, str], Quantity] = field(default_factory=dict, repr=False)

    @cached_property
    def around(self) -> tuple[ModelSummary, ...]:
        """Models of about its size."""
        return neighbours(self.about.parameters, self.about.active < self.about.parameters)

    @cached_property
    def _widths(self) -> list[Shape]:
        """Those of the models around it; what they were made for says nothing of a size."""
        return [Shape.from_json(model.widths or ())._replace(max_context=None) for model in self.around]

    def subject(self, quant: Quant, engine: str) -> BareSize:
        """It in a quant, with the models around it in the same one where they can be had in it; the same one whenever
        it is asked.

        Raises:
            UnsupportedModelError: nobody of its size can be asked.
        """
        key = (quant.id, quant.name, engine)
        if key not in self._known:
            self._known[key] = self._around_in(quant, engine)
        return self._known[key]

    def _around_in(self, quant: Quant, engine: str) -> BareSize:
        every = [
            _neighbour(model, widths, quant, engine) for model, widths in zip(self.around, self._widths, strict=True)
        ]
        keys = [(near.widths, repr(near.compiled)) for near in every]
        alike: dict[tuple[Shape, str], Summary] = {}
        for key, near in zip(keys, every, strict=True):
            alike.setdefault(key, near)
        number = {key: place for place, key in enumerate(alike)}
        models = tuple(number[key] for key in keys)
        return BareSize(self.about.name, self.weights(quant), quant, tuple(alike.values()), models, {})

    def weights(self, quant: Quant) -> Quantity:
        """Bytes of the weights: of a plain width exactly, else by the bits that models of about its size take.

        Raises:
            UnsupportedModelError: nobody of its size can be asked.
        """
        key = (quant.id, quant.name)
        if key not in self._weights:
            self._weights[key] = self._weights_in(quant)
        return self._weights[key]

    def _weights_in(self, quant: Quant) -> Quantity:
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


def _bits(model: ModelSummary, quant: Quant) -> float | None:
    """Bits per parameter that a model's weights take in a quant; None where it cannot be had in it."""
    found = sizes(quant.runtime, model.id).get(quant.id)
    return 8 * found[0] / model.parameters if found else None


def _neighbour(model: ModelSummary, widths: Shape, quant: Quant, engine: str) -> Summary:
    """A model of about the size; a size says nothing of the code that it runs through."""
    nothing = SizedWeights(Quantity.exactly(0, Basis.ASSUMED))
    return Summary(model.name, widths, nothing, quant, compiled(engine, model.id), exact=False)
