"""Names as people type them: case, spaces and punctuation do not matter; a near miss is suggested."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from llmscale.errors import NotFoundError

_SEPARATORS = r"[\s\-_]+|(?<!\d)\.|\.(?!\d)"


#: Runtimes that people do not write as `--runtime` does.
SPELT = {
    "vllm": "vLLM",
    "sglang": "SGLang",
    "mlx": "MLX",
    "exllama": "ExLlama",
    "ollama": "Ollama",
    "lmdeploy": "LMDeploy",
    "tensorrt-llm": "TensorRT-LLM",
    "ktransformers": "KTransformers",
}
#: Names at least so alike, from 0 to 1, are worth suggesting.
ALIKE = 0.6
#: Candidates that a message has room for.
MOST_LISTED = 12


def normal(name: str) -> str:
    """`name` without what does not matter: ``RTX 4090``, ``rtx-4090`` and ``rtx_4090`` are the same.

    A dot between digits stays: OPT-1.3B is not OPT-13B.
    """
    return re.sub(_SEPARATORS, "", name.strip().lower())


def visible(text: object, most: int = 60) -> str:
    """`text` as one short line may show it: what a terminal would obey is shown as an escape, the end cut off."""
    shown = "".join(c if c.isprintable() else repr(c)[1:-1] for c in str(text)[: most + 1])
    return shown if len(shown) <= most else shown[: most - 1] + "…"


def find(name: str, names: Mapping[str, Sequence[str]], what: str, instead: str = "") -> str:
    """The id that `name` means: it goes by that name, or its name alone begins so.

    Args:
        names: every known spelling, as `normal` writes it, to the ids that go by it.
        what: ``model``, ``device`` or ``quant``, for messages.
        instead: a sentence on what else may be named, for what nothing goes by.

    Raises:
        NotFoundError: nothing goes by that name, with the nearest; or several do, with all of them.
    """
    wanted = normal(name)
    found = list(names.get(wanted, ()))
    if not found:
        dotless = wanted.replace(".", "")
        found = sorted({i for spelling, ids in names.items() if spelling.replace(".", "") == dotless for i in ids})
    if len(found) == 1:
        return found[0]
    beginning = _beginning(wanted, names) if len(wanted) > 1 else {}
    candidates = found or sorted(beginning)
    if len(candidates) > 1:
        listed = ", ".join(candidates[:MOST_LISTED]) + (" …" if len(candidates) > MOST_LISTED else "")
        raise NotFoundError(f"'{shortened(name)}' could be any of {len(candidates)} {what}s.", f"Name one: {listed}.")
    if candidates and beginning[candidates[0]]:
        return candidates[0]
    ids = candidates or list(dict.fromkeys(i for spelling in nearest(name, names) for i in names[spelling]))[:4]
    hint = f"Did you mean {' or '.join(ids)}? " if ids else ""
    listed = f"All: llmscale {what}s list" + (f". {instead}" if instead else "")
    raise NotFoundError(f"There is no {what} called '{shortened(name)}'.", f"{hint}{listed}")


def _beginning(wanted: str, names: Mapping[str, Sequence[str]]) -> dict[str, bool]:
    """The ids whose names begin so, and whether what is left out is no more than letters: 7 is no beginning of 70."""
    told: dict[str, bool] = {}
    for spelling, ids in names.items():
        if wanted and spelling.startswith(wanted):
            whole = not (wanted[-1].isdigit() and spelling[len(wanted) :][:1].isdigit())
            told.update((i, whole or told.get(i, False)) for i in ids)
    return told


def nearest(name: str, names: Iterable[str], count: int = 4) -> list[str]:
    """The `count` of `names` that are most like `name`, best first; empty when none is alike."""
    from difflib import SequenceMatcher  # slow to import and needed on errors only

    wanted = normal(name)
    if not wanted:
        return []
    matcher, letters = SequenceMatcher(b=wanted), sorted(wanted)

    def likeness(candidate: str) -> float:
        other = normal(candidate)
        # Two keys that were struck in the wrong order leave the letters as they are.
        alike = wanted in other or other in wanted or (len(wanted) == len(other) and letters == sorted(other))
        bonus = 0.3 if len(wanted) > 2 and alike else 0.0
        matcher.set_seq1(other)
        # The exact ratio is slow; two upper bounds of it spare most names.
        if min(matcher.real_quick_ratio(), matcher.quick_ratio()) + bonus < ALIKE:
            return 0.0
        return matcher.ratio() + bonus

    ranked = sorted(((likeness(n), n) for n in names), key=lambda pair: (-pair[0], len(pair[1]), pair[1]))
    return [n for score, n in ranked if score >= ALIKE][:count]


def shortened(name: str) -> str:
    """A name as far as a message has room for it."""
    return name if len(name) <= 60 else name[:57] + "…"
