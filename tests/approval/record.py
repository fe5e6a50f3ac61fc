"""``python -m tests.approval.record FOLDER``: the answers to all questions, a JSON file each."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.approval.ask import ask
from tests.approval.questions import QUESTIONS, Question, name


def record(question: Question) -> str:
    """Ask one, in a worker."""
    return json.dumps({"question": question, **ask(question)}, ensure_ascii=False, indent=1)


def main() -> None:
    """Ask all."""
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        for question, text in zip(QUESTIONS, pool.map(record, QUESTIONS, chunksize=8), strict=True):
            (folder / f"{name(question)}.json").write_text(text + "\n", encoding="utf-8")
    print(f"{len(QUESTIONS)} answers in {folder}")


if __name__ == "__main__":
    main()
