"""``python -m tests.oracle.stale``: a line for each record that has to be made again, and what makes it; else nothing.

A row is stale when its config has changed since, when its model is gone, or when it was made with an older version of
the libraries than pyproject.toml names (what is alive: than the release that the runtime models); so is a record
without a row of a model type or a format that there is. A further model of a type that has rows needs none of its own.
Nothing is counted and no library is asked, so this takes no time and no network: whether *our* tensors are still the
recorded ones is what ``tests/test_oracle_record.py`` says.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

from tests.oracle.campaigns import CAMPAIGNS
from tests.oracle.layouts import record as layouts
from tests.oracle.outdated import line, pins


def lines() -> Iterator[str]:
    """One of each stale record."""
    for campaign in CAMPAIGNS:
        path, types = campaign.record.path, {row["model_type"] for row in campaign.record.rows().values()}
        if said := line(path, campaign.command, campaign.outdated(pins(*campaign.extras)), types):
            yield said
    if said := line(layouts.RECORD, layouts.COMMAND, layouts.outdated(pins("oracle")), layouts.parts()):
        yield said


def main() -> int:
    """Say what is stale; 1 when anything is."""
    said = list(lines())
    for each in said:
        print(each, file=sys.stderr)
    return int(bool(said))


if __name__ == "__main__":
    sys.exit(main())
