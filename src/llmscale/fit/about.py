"""What answers say of a model, whatever its quant."""

from __future__ import annotations

from llmscale.notes import Note
from llmscale.quantity import Basis
from llmscale.records import NamedTuple

DEFAULT_CONTEXT = 4096


class About(NamedTuple):
    """What answers say of a model, whatever its quant.

    Attributes:
        limit: the model's own longest context; None when it has none.
        sequence: tokens of a model that always sees the same number; None for a language model.
        family: the published ``model_type``; empty where it is not known, or somebody only assumed it.
        notes: what a reader of any number must know.
        uncounted: that of `notes` on a layer for further tokens, which speculation by it counts; None without one.
    """

    id: str
    name: str
    source: str
    basis: Basis
    parameters: int
    active: int
    limit: int | None = None
    sequence: int | None = None
    published_in: str = ""
    family: str = ""
    notes: tuple[Note, ...] = ()
    uncounted: Note | None = None

    def said(self, predicts: bool) -> tuple[Note, ...]:
        """The `notes` where the layer for further tokens is counted (`predicts`), or is not."""
        return tuple(told for told in self.notes if not (predicts and told == self.uncounted))

    def context(self, asked: int | None) -> int:
        """Tokens to answer for: as asked, else 4,096 or the model's own limit, whichever is smaller."""
        if self.sequence:
            return self.sequence
        if asked is not None:
            return asked
        return min(DEFAULT_CONTEXT, self.limit or DEFAULT_CONTEXT)
