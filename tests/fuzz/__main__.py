"""Damages files and reads them: whatever comes of it is a model or one of our refusals. `make fuzz MINUTES=10`.

What is neither is written to the folder of the last argument, with the traceback, and the exit status is 1.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from llmscale.errors import LlmscaleError
from llmscale.formats.recipe_file import read_recipe
from llmscale.sources.registry import load
from tests.fuzz.corpus import CORPUS, WORDS

#: Seconds of this process that one input may take; those of a clock count what else the machine does.
SLOW = 2.0
READERS: dict[str, Callable[[str], object]] = {
    "mine.yaml": lambda path: load("my-m", catalogue=path),
    "recipe.yaml": read_recipe,
}


def damaged(good: bytes, chance: random.Random) -> bytes:
    """`good` with one to four wounds."""
    raw = bytearray(good)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(raw) + 1)
        kind = chance.randrange(6)
        if kind == 0 and raw:
            raw[at % len(raw)] ^= 1 << chance.randrange(8)
        elif kind == 1 and raw:
            raw[at % len(raw)] = chance.choice((0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)))
        elif kind == 2:
            del raw[at : at + chance.randint(1, 16)]
        elif kind == 3:
            raw[at:at] = chance.choice(WORDS)
        elif kind == 4:
            word = chance.choice(WORDS)
            raw[at : at + len(word)] = word
        else:
            start = chance.randrange(len(raw) + 1)
            raw[at:at] = raw[start : start + chance.randint(1, 32)]
    return bytes(raw if chance.random() > 0.05 else raw[: chance.randrange(len(raw) + 1)])


def wrong(reader: Callable[[str], object], path: str) -> str:
    """What is wrong with the way that a file was read; empty where nothing is."""
    started = time.process_time()
    try:
        reader(path)
    except LlmscaleError as error:
        if not all(line.isprintable() for line in (error.message, *error.hint.split("\n"))):
            return f"not printable: {error.message!r}"
    except Exception:
        return traceback.format_exc()
    taken = time.process_time() - started
    return f"took {taken:.1f} s" if taken > SLOW else ""


def main() -> int:
    """Fuzz for so many minutes; the number of inputs by format, and what went wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--minutes", type=float, default=1)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, default=Path("fuzz-failures"))
    said = parser.parse_args()
    chance, tried, failed = random.Random(said.seed), Counter[str](), Counter[str]()
    end = time.monotonic() + 60 * said.minutes
    with tempfile.TemporaryDirectory() as folder:
        while time.monotonic() < end:
            for name, good in CORPUS.items():
                path = Path(folder, name)
                raw = damaged(chance.choice(good), chance)
                path.write_bytes(raw)
                tried[name] += 1
                if why := wrong(READERS.get(name, load), str(path)):
                    failed[name] += 1
                    said.keep.mkdir(exist_ok=True)
                    (said.keep / f"{failed[name]}-{name}").write_bytes(raw)
                    print(f"{name}: {why}")
                path.unlink()
    for name, count in tried.items():
        print(f"{name}: {count:,} inputs, {failed[name]:,} failures")
    return 1 if failed.total() else 0


if __name__ == "__main__":
    raise SystemExit(main())
