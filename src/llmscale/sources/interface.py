"""What a source makes of a reference."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, NoReturn

from llmscale.errors import UndisclosedError
from llmscale.model.spec import ModelSpec

if TYPE_CHECKING:
    from llmscale.catalogue.entry import ModelEntry


class Loaded(NamedTuple):
    """A model that a reference led to.

    Attributes:
        entry: the catalogue entry, when it is one.
    """

    spec: ModelSpec
    entry: ModelEntry | None = None

    def known(self) -> ModelSpec:
        """The spec."""
        return self.spec


class Undisclosed(NamedTuple):
    """A catalogue model of which nobody says how large it is."""

    entry: ModelEntry

    def known(self) -> NoReturn:
        """There is no spec.

        Raises:
            UndisclosedError: always, with what to try instead.
        """
        entry = self.entry
        others = [*entry.suggest[:3], "a size literal such as 70B"]
        raise UndisclosedError(
            f"{entry.name}: {entry.undisclosed or 'Its entry says no size.'} An estimate would be invented.",
            f"Try {' or '.join(others)}; llmscale params {entry.id} says what is known.",
        )
