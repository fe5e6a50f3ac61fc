"""What benchmarks found of the models, as reported: `data/scores.yaml`, one column from one source, for ranking."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from llmscale.records import dataclass
from llmscale.store.tables import table

if TYPE_CHECKING:
    from llmscale.store.yaml_file import YamlFile


@dataclass(frozen=True)
class Benchmark:
    """A column of scores: all of one source, higher is better.

    Attributes:
        what: of what the figure is made, and its unit.
        read: the day of the source that was read.
    """

    name: str
    what: str
    source: str
    read: str


def check(file: YamlFile) -> dict[str, Any]:
    """The table ``scores``: the benchmarks, and by model what each gives it.

    Raises:
        InputFileError: an entry that does not fit, or a score of a benchmark that is not described.
    """
    content = file.content()
    benchmarks = file.typed(content.get("benchmarks"), dict[str, Benchmark], "benchmarks")
    scores = file.typed(content.get("scores"), dict[str, dict[str, float]], "scores")
    for model, given in scores.items():
        if unknown := sorted(given.keys() - benchmarks.keys()):
            raise file.error(("scores", model), f"no benchmark '{unknown[0]}' is described.")
    return {"benchmarks": {key: asdict(one) for key, one in benchmarks.items()}, "scores": scores}


def benchmarks() -> dict[str, Benchmark]:
    """The benchmarks by id."""
    return {key: Benchmark(**one) for key, one in table("scores")["benchmarks"].items()}


def scores(benchmark: str) -> dict[str, float]:
    """What `benchmark` gives the models that it rates, by id; models of two benchmarks cannot be compared."""
    return {model: given[benchmark] for model, given in table("scores")["scores"].items() if benchmark in given}
