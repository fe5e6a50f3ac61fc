"""One config held against the class of transformers that it names: a row of the record, or what differs."""

from __future__ import annotations

from typing import NamedTuple

import transformers

from tests.oracle.compare import Comparison, compare
from tests.oracle.real import Real, real
from tests.oracle.record import Row, stamp
from tests.oracle.rules import EXPLAINED, NOT_BUILT
from tests.oracle.subjects import Subject, fingerprint

#: Characters of an exception that a row keeps.
SAID = 160


class Answer(NamedTuple):
    """What came of one subject.

    Attributes:
        row: what the record will say of it; None for a difference that nobody has explained.
        verdict: the same in few words, for the screen.
        theirs: parameters of the class; None where there is none.
        differences: what differs without a reason, a line each.
    """

    row: Row | None
    verdict: str
    ours: int
    theirs: int | None = None
    differences: tuple[str, ...] = ()


def ask(subject: Subject) -> Answer:
    """Count a config with both; a class that is not there or cannot be built is an answer as well."""
    ours = subject.inventory()
    try:
        theirs = real(subject.config)
    except Exception as error:  # whatever a class raises for a published file
        said = " ".join(f"{type(error).__name__}: {error}".split())[:SAID]
        return _without_class(subject, ours.total(), NOT_BUILT.get(subject.id, said))
    if theirs is None:
        return _without_class(subject, ours.total(), f"transformers {transformers.__version__} has no class for it")
    found = compare(subject.model_type, ours, theirs.stored, theirs.again)
    differences = _differences(found, theirs)
    row = {**stamp(subject), **fingerprint(ours)}
    if differences and subject.id in EXPLAINED:
        why = EXPLAINED[subject.id]
        return Answer({**row, "theirs": found.theirs, "differs": why}, f"explained: {why}", ours.total(), found.theirs)
    if differences:
        return Answer(None, "differs", ours.total(), found.theirs, differences)
    row |= {"names": found.names, "components": found.components}
    return Answer(row, f"same, names {found.names}", ours.total(), found.theirs)


def _without_class(subject: Subject, ours: int, why: str) -> Answer:
    return Answer({**stamp(subject), "not_compared": why}, f"not compared: {why}", ours)


def _differences(found: Comparison, theirs: Real) -> tuple[str, ...]:
    return (*found.differences, *(f"buffer that no table knows: {name}" for name in theirs.unknown))
