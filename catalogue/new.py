"""Which models of a recorded list are missing, and drafts of those whose config is known: `make catalogue-new`.

The list is `catalogue/hub.tsv`, a record of the hub's most downloaded models (its first lines say where it is from), or
another of the same columns. A model is drafted where a model of the catalogue has its type, layers, heads, width and
vocabulary, and the count of the tensors equals the hub's total: its config is then that one's. All else is named, with
what is missing. Nothing is written into the catalogue: a draft is read by a person, who adds what only the card says.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from llmscale.catalogue.entries import entries, models
from llmscale.catalogue.entry import ModelEntry
from llmscale.names import normal

LIST = Path(__file__).with_name("hub.tsv")


class Listed(NamedTuple):
    """A row of the list; empty where the hub's record lacks it."""

    name: str
    model_type: str
    layers: str
    heads: str
    hidden: str
    vocabulary: str
    parameters: str
    context: str
    created: str
    downloads: str
    licence: str

    def shape(self) -> tuple[str, ...]:
        """What tells one architecture from another, before anything is counted."""
        return (self.model_type, self.layers, self.heads, self.hidden, self.vocabulary)


def rows(path: Path) -> Iterator[Listed]:
    """The rows of a list, comments left out."""
    with path.open(encoding="utf-8", newline="") as file:
        kept = (line for line in file if not line.startswith("#"))
        for row in csv.reader(kept, delimiter="\t"):
            yield Listed(*row)


def shape_of(entry: ModelEntry) -> tuple[str, ...]:
    """As `Listed.shape`, of an entry with a config."""
    config = entry.config or {}
    text = config.get("text_config") or {}
    keys = ("num_hidden_layers", "num_attention_heads", "hidden_size", "vocab_size")
    return (str(config.get("model_type")), *(str(text.get(key, config.get(key, ""))) for key in keys))


def missing(path: Path, least: int, since: str) -> list[Listed]:
    """The rows that no name of the catalogue finds, most downloaded first."""
    names = models()["names"]
    found = [
        row
        for row in rows(path)
        if int(row.downloads) >= least and row.created >= since and normal(row.name.split("/")[-1]) not in names
    ]
    return sorted(found, key=lambda row: -int(row.downloads))


def twin(row: Listed, by_shape: dict[tuple[str, ...], list[ModelEntry]]) -> ModelEntry | None:
    """The catalogue's model of this shape whose tensors come to the hub's total, and whose context is the same."""
    same = [entry for entry in by_shape.get(row.shape(), ()) if str(entry.counted) == row.parameters]
    return next((entry for entry in same if str(entry.context) == row.context), None)


def draft(row: Listed, like: ModelEntry) -> str:
    """An entry to be read and completed: publisher, modality, tools and languages are the card's."""
    hub = f"https://huggingface.co/{row.name}"
    lines = {
        "name": row.name.split("/")[-1],
        "aliases": [row.name],
        "publisher": row.name.split("/")[0],
        "modality": like.modality,
        "released": row.created[:7],
        "licence": row.licence or "?",
        "open": True,
        "context": int(row.context),
        "hub": row.name,
        "parameters": int(row.parameters),
        "source": hub,
        "config_source": f"{hub}/blob/main/config.json",
        "checked": f"{LIST.name}: type, layers, heads, width and vocabulary; the other keys as in {like.id}; "
        f"count equals its {int(row.parameters):,} parameters",
        "config": like.config,
    }
    body = "\n".join(f"  {key}: {json.dumps(value, ensure_ascii=False)}" for key, value in lines.items())
    return f"{row.name.split('/')[-1].lower()}:\n{body}\n"


def main() -> None:
    """Drafts to standard output, what cannot be drafted to standard error."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--list", type=Path, default=LIST, help="a list of the same columns")
    ask.add_argument("--downloads", type=int, default=50_000, help="leave out what is downloaded less a month")
    ask.add_argument("--since", default="", metavar="YYYY-MM", help="leave out what is older")
    asked = ask.parse_args()
    by_shape: dict[tuple[str, ...], list[ModelEntry]] = {}
    for entry in entries():
        if entry.config:
            by_shape.setdefault(shape_of(entry), []).append(entry)
    for row in missing(asked.list, asked.downloads, asked.since):
        like = twin(row, by_shape)
        if like:
            print(draft(row, like))
        else:
            why = "another context or total" if row.shape() in by_shape else "no config of its shape"
            print(f"{row.name}\t{row.model_type}\t{row.parameters}\t{row.downloads} downloads\t{why}", file=sys.stderr)


if __name__ == "__main__":
    main()
