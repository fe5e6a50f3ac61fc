"""``python -m tests.oracle.layouts [format, quant or library …]``: ask what is named, everything by default.

A library that is not installed keeps what was recorded of it; one that refuses a shape has a row that says so, which is
wrong where it took the shape before. torch is needed; the others are transformers with accelerate, bitsandbytes,
compressed-tensors and torchao, which ``make layouts`` installs, and hqq, gptqmodel, auto-round, autoawq, aqlm, mlx[cpu]
and mlx-lm, which it does not.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from functools import partial
from importlib.metadata import version
from typing import Any, NamedTuple

from tests.oracle.layouts.layers import LAYERS, SHAPES
from tests.oracle.layouts.models import MODELS, WHOLE
from tests.oracle.layouts.record import Key, Row, Rows, parts, read, write
from tests.oracle.record import digest

#: What a library raises for a shape that it does not take. Whole models have only shapes that all take.
REFUSALS = (AssertionError, NotImplementedError, ValueError)


class Question(NamedTuple):
    """What a library is asked, the row of it but for the answer, where that is kept, and what it may raise instead."""

    kept: dict[Key, Row]
    key: Key
    row: Row
    ask: Callable[[], Any]
    refusals: tuple[type[Exception], ...] = ()


def main(names: list[str]) -> int:
    """Ask, and write down what was answered; 1 when something is wrong, or nothing was answered."""
    libraries = {library for library, _ in (*LAYERS.values(), *WHOLE.values())}
    if unknown := set(names) - libraries - parts():
        print(f"no format, quant or library is called {' or '.join(sorted(unknown))}")
        return 1
    rows = read()
    wrong = answered = 0
    for question in _questions(rows, names):
        library, before = question.row["library"], question.kept.get(question.key, {})
        try:
            row = question.kept[question.key] = _answer(question)
        except ImportError:
            print(f"{question.key}: {library} is not here; what was recorded of it stays")
            continue
        except Exception as error:  # whatever a library raises when it is broken
            print(f"{question.key}: {library} fails; what was recorded of it stays: {_said(error)}")
            wrong += 1
            continue
        answered += 1
        if "refused" in row:
            print(f"{question.key}: {library} refuses{', and did not before' if 'bytes' in before else ''}")
            wrong += "bytes" in before
    write(rows)
    print(f"{answered} rows made, {wrong} wrong; of {len(rows.layers)} layers and {len(rows.models)} models")
    return int(wrong > 0 or not answered)


def _questions(rows: Rows, names: list[str]) -> Iterator[Question]:
    for form, (library, build) in LAYERS.items():
        for shape in SHAPES if not names or {form, library} & set(names) else ():
            row: Row = {"format": form, "library": library, "shape": shape}
            yield Question(rows.layers, (form, *shape), row, partial(build, *shape), REFUSALS)
    for (quant, model), (library, measure) in WHOLE.items():
        if not names or {quant, library} & set(names):
            row = {"quant": quant, "model": model, "config": digest(MODELS[model]), "library": library}
            yield Question(rows.models, (quant, model), row, partial(measure, quant, MODELS[model]))


def _answer(question: Question) -> Row:
    """The row; one without bytes where the library refuses.

    Raises:
        ImportError: the library is not installed.
        Exception: what else a library raises.
    """
    library = question.row["library"]
    row = {**question.row, "library": f"{library} {version(library)}"}
    try:
        return {**row, "bytes": question.ask()}
    except question.refusals as error:
        return {**row, "refused": _said(error)}


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())[:100]}".rstrip(": ")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
