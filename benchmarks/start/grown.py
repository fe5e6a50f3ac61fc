"""llmscale over more or fewer models or devices than there are, for `growth`: ``grown.py SHARE DEVICES ARGUMENT ...``.

SHARE 0.25 keeps every fourth model, 2 adds each once more under another name; only the compiled tables change. DEVICES
is how many memory sizes `fits` shows where no device is named.
"""

from __future__ import annotations

import sys
from typing import Any

from llmscale.__main__ import main
from llmscale.answers import fits
from llmscale.store import tables as data


def resize(share: float) -> None:
    """Put other tables in place of those that there are."""
    if share < 1:
        summaries = data.table("summaries")
        _replace("summaries", {key: summaries[key] for key in list(summaries)[:: round(1 / share)]})
        return
    for name in ("summaries", "sizes_llama.cpp", "sizes_transformers", "summaries_llama.cpp", "summaries_transformers"):
        table: dict[str, Any] = dict(data.table(name))
        for key, known in list(table.items()):
            for number in range(1, round(share)):
                copy = f"{key}-copy-{number}"
                table[copy] = [copy, *known[1:]] if name == "summaries" else known
        _replace(name, table)


def _replace(name: str, table: dict[str, Any]) -> None:
    data._stored(name)["data"] = table
    data.table.cache_clear()


def run() -> None:
    """Change what there is, then run the program."""
    share, devices = float(sys.argv.pop(1)), int(sys.argv.pop(1))
    resize(share)
    fits.CONSUMER_GIB = tuple(range(12, 12 + 2 * devices, 2))  # type: ignore[assignment]
    main()


if __name__ == "__main__":
    run()
