"""What a Config makes of keys that a file leaves open, as expressions of the others."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from llmscale.model.families._expression import evaluate
from llmscale.model.families._stages import given_out
from tests.oracle.probe.fitting import CANDIDATES, DEEPEST, condition_for, expression_for, general, some
from tests.oracle.probe.rows import Place, Rows
from tests.oracle.probe.samples import Sample
from tests.oracle.probe.solve import Expression


class Rule(NamedTuple):
    """What a Config makes of a key.

    Attributes:
        always: whatever was said; otherwise where it was left open.
    """

    path: str
    always: bool
    makes: Expression


def settle(samples: Sequence[Sample]) -> list[Rule]:
    """What a Config makes of keys that are left open, as far as a small expression says it."""
    rules = []
    samples = [sample._replace(given={**sample.given, **dict(given_out(sample.given))}) for sample in samples]
    for path in {path: None for sample in samples for path in sample.settled}:
        always = any(sample.given[path] is not None and path in sample.settled for sample in samples)
        rows = [
            (number, sample.settled.get(path, (sample.given[path], None)))
            for number, sample in enumerate(samples)
            if always or sample.given[path] is None
        ]
        if not all(value is None or isinstance(value, (bool, int, str, list)) for _, (value, _) in rows):
            continue
        if (makes := _made(samples, rows)) is not None:
            rules.append(Rule(path, always, makes))
    return rules


def filled(given: dict[str, Any], rules: Sequence[Rule]) -> dict[str, Any]:
    """What is said, and what the Config makes of it."""
    given = {**given, **dict(given_out(given))}
    found = dict(given)
    for path, always, makes in rules:
        if always or given.get(path) is None:
            try:
                found[path] = evaluate(makes, given, {})
            except (LookupError, TypeError, ArithmeticError):
                continue
    return found


def _made(samples: Sequence[Sample], rows: list[tuple[int, tuple[Any, Any]]]) -> Expression | None:
    def rows_of(places: Sequence[Place]) -> Rows:
        return Rows(samples, places)

    if not all(isinstance(value, list) for _, (value, _) in rows):
        seen = {(number, ()): value for number, value in rows}
        return _chosen(
            samples, rows_of, {place: value for place, (value, _) in seen.items()}, {p: m for p, (_, m) in seen.items()}
        )
    lengths = [len(value) for _, (value, _) in rows]
    length = expression_for(rows_of, lengths, [(number, ()) for number, _ in rows], Counter())
    if length is None:
        return None
    values = {(number, (i,)): one for number, (value, _) in rows for i, one in enumerate(value)}
    made = {(number, (i,)): one for number, (_, m) in rows for i, one in enumerate(m or ())}
    element = _chosen(samples, rows_of, values, made)
    return None if element is None else ["list", length, element]


def _chosen(
    samples: Sequence[Sample], rows_of: Any, values: dict[Place, Any], made: dict[Place, Any]
) -> Expression | None:
    """A number of keys, or one of a few words."""
    places = some(list(values))
    if all(type(values[place]) is int for place in places):
        hints: Counter[str] = Counter()
        for place in places:
            if not isinstance(made.get(place, 0), (int, str)) or isinstance(made.get(place), str):
                for one in general(made[place], place[1], samples[place[0]].given):
                    hints[json.dumps(one)] += 1
        return expression_for(
            rows_of, [values[p] for p in places], places, Counter(dict(hints.most_common(CANDIDATES)))
        )
    if not all(isinstance(values[place], (bool, str, int, type(None))) for place in places):
        return None
    words = [json.loads(one) for one, _ in Counter(json.dumps(values[place]) for place in places).most_common()]
    if len(words) > 6:
        return None
    found: Expression = ["say", words[0]]
    rows = rows_of(places)
    for word in words[1:]:
        there = np.array([type(values[p]) is type(word) and values[p] == word for p in places], bool)
        when = condition_for(rows, there, DEEPEST)
        if when is None:
            return None
        found = ["if", when, ["say", word], found]
    return found
