"""Which files of a repository are the model that is asked for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from llmscale.errors import NotFoundError
from llmscale.names import visible
from llmscale.records import NamedTuple
from llmscale.sources.gguf.split import COMPANION, PART

CHECKPOINT, GGUF = ".safetensors", ".gguf"
#: Files that say what a checkpoint's tensors are.
CONFIGS = ("config.json", "params.json", "adapter_config.json")
#: What llama.cpp takes where no quant is named (tools/server/README.md: ``-hf``), else the first file.
USUAL = "q4_k_m"
#: Names of checkpoints, the likeliest first; others hold the same once more, or parts of a model.
WHOLE = ("model", "adapter_model", "pytorch_model", "diffusion_pytorch_model", "consolidated")
_SHARD = re.compile(r"(.+?)-(\d{5})-of-(\d{5})\.safetensors")
#: Sizes that a message has room for.
SHOWN = 12


class Gguf(NamedTuple):
    """A model among a repository's GGUF files: its parts in order, and what its name is but for ending and part."""

    stem: str
    files: tuple[str, ...]
    bytes: int

    @property
    def label(self) -> str:
        """What tells it from the others."""
        match = re.search(r"(?:ud-)?(?:iq|tq|q|mxfp|bf|f|fp)\d\w*$", self.stem, re.IGNORECASE)
        return match[0] if match else self.stem.rpartition("/")[2]


def ggufs(files: Mapping[str, int | None]) -> list[Gguf]:
    """The models among GGUF files; those of towers left out."""
    parts: dict[str, list[str]] = {}
    for name in sorted(files):
        base = name.rpartition("/")[2]
        if not name.lower().endswith(GGUF) or COMPANION.search(base) or base.lower().startswith("imatrix"):
            continue
        match = PART.fullmatch(name)
        parts.setdefault(match[1] if match else name[: -len(GGUF)], []).append(name)
    return [Gguf(stem, tuple(names), sum(files[name] or 0 for name in names)) for stem, names in parts.items()]


def picked(repo: str, models: list[Gguf], pick: str) -> Gguf:
    """The model that `pick` names, or that llama.cpp takes where it is empty.

    Raises:
        NotFoundError: none, with those that there are.
    """
    if not pick:
        return _named(models, USUAL) or models[0]
    exact = [each for each in models if pick in each.files]
    found = exact[0] if exact else _named(models, pick.lower().removesuffix(GGUF))
    if found is None:
        raise NotFoundError(f"{repo} has no '{visible(pick)}'.", f"It has {sizes(models)}.")
    return found


def _named(models: Iterable[Gguf], word: str) -> Gguf | None:
    """The model whose name ends so; the shortest of several, which says nothing besides."""
    ends = tuple(f"{mark}{word}" for mark in "-._/")
    found = [each for each in models if each.stem.lower().endswith(ends) or each.stem.lower() == word]
    return min(found, key=lambda each: len(each.stem), default=None)


def sizes(models: list[Gguf]) -> str:
    """What there is, smallest first: ``Q4_K_M 5.0 GB, …``."""
    ordered = sorted(models, key=lambda each: each.bytes)
    shown = [
        f"{visible(each.label, 40)}{f' {each.bytes / 1e9:.1f} GB' if each.bytes else ''}" for each in ordered[:SHOWN]
    ]
    more = f" and {len(ordered) - SHOWN} more" if len(ordered) > SHOWN else ""
    return ", ".join(shown) + more


def checkpoint(files: Iterable[str]) -> list[str]:
    """The safetensors files of a repository's own model, all its shards."""
    groups: dict[str, list[str]] = {}
    for name in sorted(files):
        if name.endswith(CHECKPOINT) and "/" not in name:
            match = _SHARD.fullmatch(name)
            groups.setdefault(match[1] if match else name[: -len(CHECKPOINT)], []).append(name)
    usual = next((groups[name] for name in WHOLE if name in groups), None)
    return usual or next(iter(groups.values()), [])
