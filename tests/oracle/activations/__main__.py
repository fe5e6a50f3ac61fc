"""``python -m tests.oracle.activations [model_type or id …]``: run these and record what was alive, all others stay.

Recorded are the most bytes besides the weights during the prompt, during the step after it, and what is left between
them. What cannot be run has a row, or a part of one, that says why.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any

import transformers

from tests.oracle.activations.cases import (
    CASES,
    ENCODED,
    SHARING,
    TRANSLATED,
    Case,
    chosen,
    depths,
    encodes,
    is_read_when_cut,
    of_model,
    row_name,
    says_weights_alone,
)
from tests.oracle.activations.generate import called, generated, generates, has_class, translates
from tests.oracle.campaigns import ACTIVATIONS
from tests.oracle.record import Row, stamp
from tests.oracle.subjects import Subject, shortened

#: Characters of an exception that a row keeps.
SAID = 120


def main(names: list[str]) -> int:
    """Run what is named, everything by default; 1 when a name is nobody's or nothing was run."""
    transformers.logging.set_verbosity_error()
    rows: dict[str, Row] = {}
    for subject in chosen(names):
        for layers in depths(subject):
            name = row_name(subject, layers)
            rows[name] = {**stamp(subject), **_run(subject, layers)}
            print(f"{name:46} {subject.model_type:22} {_said(rows[name])}", flush=True)
    ACTIVATIONS.record.renew(rows, names)
    unknown = ACTIVATIONS.unknown(names)
    if unknown:
        print(f"nobody's name: {', '.join(unknown)}")
    return int(bool(unknown) or not rows)


def _run(subject: Subject, layers: int | None) -> Row:
    """The part of a row that was measured, and what could not be."""
    if not has_class(subject.model_type):
        return {"not_run": f"transformers {transformers.__version__} has no class for it"}
    if layers and not is_read_when_cut(subject):
        return {"not_run": f"with {layers} layers it is no config that llmscale reads"}
    if says_weights_alone(subject):
        return {"not_run": "llmscale says nothing but its weights"}
    config = _config(subject, layers)
    if encodes(subject):
        return _measured("called", ENCODED, subject, lambda case: [called(config, case)])
    if translates(subject.model_type):
        return _measured("generated", TRANSLATED, subject, lambda case: [*generated(config, case)])
    if generates(subject.model_type) or subject.config.keys() & {"text_config", "vision_config"}:
        return _measured("generated", CASES, subject, lambda case: [*generated(config, case)])
    return {"not_run": "it neither generates text nor is it an encoder"}


def _config(subject: Subject, layers: int | None) -> dict[str, Any]:
    text = f"{subject.model_type}_text"
    if subject.id in SHARING and has_class(text):
        return {"model_type": text, **subject.config["text_config"]}
    return shortened(subject.config, layers) if layers else subject.config


def _measured(how: str, cases: Sequence[Case], subject: Subject, run: Callable[[Case], list[int]]) -> Row:
    found: list[list[Any]] = []
    failed: dict[str, list[str]] = {}
    for case in of_model(subject, cases):
        try:
            found.append([*case, *run(case)])
        except Exception as error:  # whatever a class raises for a published file
            failed.setdefault(" ".join(f"{type(error).__name__}: {error}".split())[:SAID], []).append(case.name)
    if not found and len(failed) == 1:
        return {"not_run": next(iter(failed))}
    return {how: found} | ({"failed": failed} if failed else {})


def _said(row: Row) -> str:
    if "not_run" in row:
        return f"not run: {row['not_run']}"
    failed = "".join(f"; not {', '.join(names)}: {why}" for why, names in row.get("failed", {}).items())
    return f"{len(row.get('generated') or row.get('called') or ())} cases{failed}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
