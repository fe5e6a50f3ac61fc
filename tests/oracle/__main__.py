"""``python -m tests.oracle [model_type or id …]``: count these with the real classes and record it, all others stay.

A class that is not there or cannot be built is recorded as that. A difference without a reason is not recorded at all:
what there was of that model stays, and the exit status is 1, as it is when a model that was compared before no longer
is, or when a name is nobody's.
"""

from __future__ import annotations

import sys

import transformers

from tests.oracle.ask import Answer, ask
from tests.oracle.campaigns import TENSORS, Campaign
from tests.oracle.record import Row


def run(campaign: Campaign, names: list[str]) -> int:
    """Ask about what is named, all by default; print a line each, renew the record, and say what is wrong."""
    print(f"transformers {transformers.__version__}")
    before, rows, differing = campaign.record.rows(), {}, []
    for subject in campaign.chosen(names):
        answer = ask(subject)
        _print(subject.id, answer)
        if answer.row is None:
            differing.append(subject.id)
        else:
            rows[subject.id] = answer.row
    campaign.record.renew(rows, names, kept=differing)
    lost = [name for name, row in rows.items() if "names" in before.get(name, {}) and "names" not in row]
    unknown = campaign.unknown(names)
    wrong = {"differ without a reason": differing, "no longer compared": lost, "nobody's name": unknown}
    return _sum_up(rows, wrong)


def _print(name: str, answer: Answer) -> None:
    theirs = "" if answer.theirs is None else f"{answer.theirs:,}"
    print(f"{name:46} {answer.ours:>19,} {theirs:>19} {answer.verdict}", flush=True)
    for line in answer.differences:
        print(f"    {line}")


def _sum_up(rows: dict[str, Row], wrong: dict[str, list[str]]) -> int:
    """Print what was recorded and what is wrong; 1 when anything is."""
    names = [row["names"] for row in rows.values() if "names" in row]
    print(f"{len(names)} the same ({names.count('equal')} by name, {names.count('renamed')} by the rules' names)")
    print(f"{len(rows) - len(names)} not, recorded with the reason")
    for what, found in wrong.items():
        if found:
            print(f"{what}: {', '.join(found)}")
    return int(any(wrong.values()))


if __name__ == "__main__":
    sys.exit(run(TENSORS, sys.argv[1:]))
