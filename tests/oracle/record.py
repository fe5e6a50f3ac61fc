"""A record of what real classes said: a row per model, each with what it was made of and what with. Needs no torch.

Every row says its ``model_type``, ``config`` (`digest` of the config that was asked about) and ``made_with`` (the
libraries with their versions), so that some rows can be made again while all others stay as they are, and so that
`tests.oracle.stale` can say which have to be.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle.subjects import Subject

TRUTH = Path(__file__).parents[1] / "truth"
#: What stands after a model's id where it was run with all its layers, besides a run with some of them.
WHOLE = " whole"
#: Libraries whose version a row is made with.
LIBRARIES = ("transformers", "torch")

Row = dict[str, Any]


class Record(NamedTuple):
    """A file of rows by name.

    Attributes:
        what: what the rows are, said in the file.
        head: what else it says of all rows together; keys of the file that are not among these stay.
    """

    path: Path
    what: str
    head: Mapping[str, Any] = {}

    def content(self) -> dict[str, Any]:
        """The whole file; nothing where there is none yet."""
        if not self.path.exists():
            return {}
        content: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        return content

    def rows(self) -> dict[str, Row]:
        """Every row by its name: a subject's id, with `WHOLE` after it or not."""
        rows: dict[str, Row] = self.content().get("models", {})
        return rows

    def renew(self, found: Mapping[str, Row], names: Collection[str], kept: Collection[str] = ()) -> None:
        """Put `found` in place of what there was of `names` (model types or ids; none are all), but for the `kept`."""
        others = {name: row for name, row in self.rows().items() if name in kept or not is_of(name, row, names)}
        head = {**self.content(), "what": self.what, **self.head}
        self.path.write_text(_text({**head, "models": dict(sorted({**others, **found}.items()))}), encoding="utf-8")


def is_of(name: str, row: Row, names: Collection[str]) -> bool:
    """Whether a row is of one of these model types or ids; of no names at all every row is."""
    return not names or row["model_type"] in names or subject_id(name) in names


def subject_id(name: str) -> str:
    """The id of the subject that a row of this name is of."""
    return name.removesuffix(WHOLE)


def stamp(subject: Subject) -> Row:
    """What every row begins with. The libraries have to be installed.

    Raises:
        PackageNotFoundError: one of them is not.
    """
    made_with = ", ".join(f"{library} {version(library)}" for library in LIBRARIES)
    return {"model_type": subject.model_type, "config": digest(subject.config), "made_with": made_with}


def digest(config: Mapping[str, Any]) -> str:
    """Changes with every key and value, not with their order.

    How a checkpoint is packed is left out: it changes no tensor of its class.
    """
    built = {key: value for key, value in config.items() if key != "quantization_config"}
    return sha256(json.dumps(built, sort_keys=True).encode()).hexdigest()[:16]


def _text(content: Mapping[str, Any]) -> str:
    """JSON with a line for each key, and for each row of the models."""
    head = [f" {json.dumps(key)}: {json.dumps(value)}" for key, value in content.items() if key != "models"]
    rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in content["models"].items())
    return "{\n" + ",\n".join([*head, f' "models": {{\n{rows}\n }}']) + "\n}\n"
