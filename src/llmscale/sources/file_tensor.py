"""Tensors that stand in a file, as blocks of a model of which nothing else is known."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from llmscale.model.inventory import TensorGroup
from llmscale.model.spec import PlacedBlock, Tensor
from llmscale.records import dataclass

#: Components that are a tower's.
TOWERS = ("vision", "audio", "projector")


@dataclass(frozen=True)
class FileTensor:
    """Tensors alike."""

    tensor: Tensor

    def tensors(self) -> Iterator[Tensor]:
        yield self.tensor

    def cache(self) -> None:
        return None


def placed_tensors(groups: Iterable[TensorGroup]) -> Iterator[PlacedBlock]:
    """Each group where it stands."""
    for group in groups:
        tower = group.component if group.component in TOWERS else None
        tensor = Tensor(group.name, group.role, group.shape, group.experts, group.experts_used)
        yield PlacedBlock("", FileTensor(tensor), group.layers, tower)
