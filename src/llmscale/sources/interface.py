"""What every source of models answers, and what it finds."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, NoReturn, Protocol

from llmscale.errors import UndisclosedError
from llmscale.model.spec import ModelSpec
from llmscale.notes import Note
from llmscale.records import NamedTuple

if TYPE_CHECKING:
    from llmscale.catalogue.entry import ModelEntry
    from llmscale.formats.recipe import Quant


class Claim(Enum):
    """Whether a reference is of a source's kind."""

    NO = 0
    MAYBE = 1
    YES = 2


class LoadOptions(NamedTuple):
    """What was said besides the reference.

    Attributes:
        assume: the ``model_type`` to count a config as whose own is not known.
        catalogue: the user's own catalogue; None for the one that the environment or the configuration folder names.
    """

    assume: str | None = None
    catalogue: str | None = None


NOTHING = LoadOptions()


class Loaded(NamedTuple):
    """A model that a reference led to.

    Attributes:
        entry: the catalogue entry, when it is one.
        stored: of a file, the quant that its tensors are in: `AS_STORED`.
        beside: what the file holds besides tensors, a sentence each.
        quant: the quant that the reference names; empty where it names none.
        notes: what was taken for it.
    """

    spec: ModelSpec
    entry: ModelEntry | None = None
    stored: Quant | None = None
    beside: tuple[str, ...] = ()
    quant: str = ""
    notes: tuple[Note, ...] = ()

    def known(self) -> ModelSpec:
        """The spec."""
        return self.spec


class Undisclosed(NamedTuple):
    """A catalogue model of which nobody says how large it is; as `Loaded`, but for the spec."""

    entry: ModelEntry
    quant: str = ""
    notes: tuple[Note, ...] = ()

    @property
    def stored(self) -> None:
        """There is no file either."""
        return None

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


class Source(Protocol):
    """One kind of reference; a module that has these is one."""

    @property
    def name(self) -> str:
        """What its kind is called."""
        ...

    @property
    def needs(self) -> str:
        """The extra of llmscale to install; empty for none."""
        ...

    @property
    def assumes(self) -> bool:
        """Whether `LoadOptions.assume` says anything to it."""
        ...

    def claims(self, reference: str) -> Claim:
        """Looks at the text, and whether a path exists; opens nothing."""
        ...

    def load(self, reference: str, said: LoadOptions) -> Loaded | Undisclosed:
        """What is named.

        Raises:
            NotFoundError: nothing is.
            InputFileError: a file that does not describe a model we know.
            UsageError: what cannot be meant.
        """
        ...
