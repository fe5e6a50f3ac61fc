"""What transformers is asked: of which configs, where the answers stand, and what makes them again. Needs no torch.

A further campaign (other configs to count, another question) is one more `Campaign`: its subjects, its record and its
command. `tests.oracle.stale` then watches over its record too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from tests.oracle.outdated import Outdated, other_version
from tests.oracle.record import TRUTH, Record, Row, digest, subject_id
from tests.oracle.subjects import Subject, subjects


class Campaign(NamedTuple):
    """One question, asked of many configs.

    Attributes:
        command: what makes the record again, and the variable that names model types to make the rows of alone.
        extras: of pyproject.toml, which name the oldest releases that rows may be made with.
    """

    command: str
    record: Record
    subjects: Callable[[], Iterable[Subject]]
    extras: Sequence[str] = ("oracle",)

    def chosen(self, names: Sequence[str]) -> list[Subject]:
        """The subjects of these model types or ids; all, when none are named."""
        return [each for each in self.subjects() if not names or {each.model_type, each.id} & set(names)]

    def unknown(self, names: Sequence[str]) -> list[str]:
        """Names that neither a subject nor a row has."""
        asked = {name for each in self.subjects() for name in (each.model_type, each.id)}
        recorded = {row["model_type"] for row in self.record.rows().values()}
        return [name for name in names if name not in asked | recorded | self.record.rows().keys()]

    def outdated(self, pinned: Mapping[str, str]) -> Iterator[Outdated]:
        """The rows that would not be the same if they were made now, and the types that have none."""
        asked, rows = {each.id: each for each in self.subjects()}, self.record.rows()
        for name, row in rows.items():
            if why := _outdated(row, asked.get(subject_id(name)), pinned):
                yield Outdated(why, name, row["model_type"])
        recorded = {row["model_type"] for row in rows.values()}
        for model_type in sorted({each.model_type for each in asked.values()} - recorded):
            yield Outdated("no row", model_type, model_type)


def _outdated(row: Row, subject: Subject | None, pinned: Mapping[str, str]) -> str | None:
    if subject is None:
        return "no longer there"
    if row["config"] != digest(subject.config):
        return "config changed"
    return other_version(row["made_with"], pinned)


#: With models cut to so many layers: enough for every pattern of layers, and depth changes nothing but the cache.
LAYERS = 8
#: Where the tensors of each class were counted, and what is alive in it.
TENSORS = Campaign(
    "make oracle MODEL_TYPES",
    Record(
        TRUTH / "oracle.json",
        "What was compared with the classes of transformers tensor by tensor, or why it was not; see tests/oracle",
    ),
    subjects,
)
ACTIVATIONS = Campaign(
    "make activations MODEL_TYPES",
    Record(
        TRUTH / "transformers_activations.json",
        "Bytes alive besides the weights in generate, or in one call; see tests/oracle/activations",
        {
            "layers": LAYERS,
            "generated": ["attn", "batch", "tokens", "static", "prompt", "answer", "between"],
            "called": ["attn", "batch", "tokens", "static", "peak"],
        },
    ),
    subjects,
    ("oracle", "measure"),  # the release that the runtime models, which may be older than what is counted with
)
CAMPAIGNS = (TENSORS, ACTIVATIONS)
