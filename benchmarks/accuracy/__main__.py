"""``python -m benchmarks.accuracy``: compare, print the head of the page, write what it follows from it.

That is `docs/accuracy.md` with its plot, README's table and `data/bounds.yaml`; ``--check`` makes them all the same,
half a minute long, and only says which of the files that stand there are others.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from functools import partial
from importlib import import_module
from pathlib import Path

from benchmarks.accuracy import bounds, llama_cpp, speed
from benchmarks.accuracy.aims import outcomes
from benchmarks.accuracy.page import headline, page, put
from benchmarks.accuracy.plot import svg
from benchmarks.accuracy.rows import Comparison

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "accuracy.md"
PLOT = ROOT / "docs" / "accuracy.svg"
README = ROOT / "README.md"
BOUNDS = ROOT / "data" / "bounds.yaml"
#: Those that are quick enough for one process each, before and after llama.cpp's.
BEFORE, AFTER = (
    ("weights",),
    ("vllm", "transformers", "asked", "asked_llama_cpp", "served", "sglang", "ollama", "mlx", "exllama", "load"),
)


def comparisons(pool: Executor) -> Iterator[Comparison]:
    """Everything that there is a measurement of."""
    before, after = ([pool.submit(_all, name) for name in names] for names in (BEFORE, AFTER))
    of_llama_cpp = list(llama_cpp.comparisons(partial(pool.map, chunksize=4)))
    for future in before:
        yield from future.result()
    yield from of_llama_cpp
    for future in after:
        yield from future.result()


def _all(name: str) -> list[Comparison]:
    return list(import_module(f"benchmarks.accuracy.{name}").comparisons())


def files() -> dict[Path, str]:
    """What each file should hold."""
    with ProcessPoolExecutor() as pool:
        found = list(comparisons(pool))
    fitted = speed.fitted()
    return {
        PAGE: page(found, outcomes(found, fitted), fitted),
        PLOT: svg(found),
        README: put(README.read_text(encoding="utf-8"), headline(found, fitted)),
        BOUNDS: bounds.text(found),
    }


def main() -> int:
    """Write the files and print the head of the page, or only say which files are stale."""
    made = files()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text(encoding="utf-8") != text]
    if "--check" in sys.argv:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is stale: run make accuracy", file=sys.stderr)
        return 1 if stale else 0
    print(made[PAGE].split("\n## Speed")[0])
    for path in stale:
        path.write_text(made[path], encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
