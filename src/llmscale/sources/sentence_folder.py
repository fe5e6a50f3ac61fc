"""A folder of sentence-transformers' with a ``modules.json``: a transformer, and layers that follow it.

Source: github.com/huggingface/sentence-transformers: SentenceTransformer.py (`_load_sbert_model`: ``path`` and ``type``
of each module; the first is in the folder itself, in older ones in ``0_Transformer``).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from llmscale.errors import InputFileError
from llmscale.names import visible
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.paths import folder_claim

if TYPE_CHECKING:
    from llmscale.sources.checkpoint.parts import Part

name, needs, assumes = "a folder of sentence-transformers'", "", True
MODULES = "modules.json"


def claims(reference: str) -> Claim:
    """Whether it is the path of a folder that has one."""
    if not os.path.isfile(os.path.join(os.path.expanduser(reference), MODULES)):
        return Claim.NO
    return folder_claim(reference)


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The transformer, with the tensors of the layers behind it.

    Raises:
        InputFileError: a list that cannot be read, or what `load_checkpoint` and `config_json.load` refuse.
    """
    from llmscale.sources import config_json
    from llmscale.sources.checkpoint.load import load_checkpoint
    from llmscale.sources.checkpoint.parts import has_weights, parts_of

    root = os.path.expanduser(reference)
    first, *others = _folders(root)
    base = os.path.join(root, first) if first else root
    found = load_checkpoint(reference, base, said) if has_weights(base) else config_json.load(base, said)
    called = visible(os.path.basename(os.path.abspath(root)), 80)
    spec = replace(found.spec, id=visible(reference, 200), name=called, source=reference)
    parts = list(parts_of(root, [each for each in others if each], "other"))
    return _with(found._replace(spec=spec), parts) if parts else found._replace(spec=spec)


def _folders(root: str) -> list[str]:
    """The folders of the modules, in order; empty for the root."""
    from llmscale.sources.checkpoint.parts import MOST_LIST, MOST_PARTS
    from llmscale.sources.json_text import parsed_list
    from llmscale.store.text_file import read_text

    where = os.path.join(root, MODULES)
    modules = parsed_list(read_text(where, MOST_LIST, "a list of modules"), where, "a list of modules")
    if not 0 < len(modules) <= MOST_PARTS:
        raise InputFileError(f"'{where}' names {len(modules):,} modules.", "At least a transformer is expected.")
    return [_folder(root, module, where) for module in modules]


def _folder(root: str, module: Any, where: str) -> str:
    from llmscale.sources.checkpoint.parts import folder_of

    path = module.get("path") if isinstance(module, dict) else None
    return os.path.basename(folder_of(root, path, where)) if path != "" else ""


def _with(found: Loaded, parts: Sequence[Part]) -> Loaded:
    """The transformer and the parts behind it."""
    from llmscale.sources.file_tensor import placed_tensors

    more = tuple(each for part in parts for each in part.stored)
    spec = replace(found.spec, placed=(*found.spec.placed, *placed_tensors(each.group for each in more)))
    if found.stored is None:
        return found._replace(spec=spec)
    stored = (*found.stored.stored, *more)
    elements = sum(each.group.parameters for each in stored)
    form = replace(
        found.stored,
        stored=stored,
        bits=8 * sum(each.bytes for each in stored) / max(1, elements),
        file_bytes=found.stored.file_bytes + sum(part.file_bytes for part in parts),
    )
    return found._replace(spec=spec, stored=form)
