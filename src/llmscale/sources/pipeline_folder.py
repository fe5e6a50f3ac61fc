"""A folder of diffusers' with a ``model_index.json``: text encoders, denoiser and VAE, each a checkpoint of its own.

Source: github.com/huggingface/diffusers: pipelines/pipeline_utils.py (`from_pretrained`): a key for each part, with its
library and class, ``null`` where it is left out; huggingface.co/docs/diffusers: Load pipelines (variants).
"""

from __future__ import annotations

import os
from dataclasses import replace

from llmscale.errors import InputFileError
from llmscale.formats.recipe import AS_STORED
from llmscale.model.spec import ModelSpec
from llmscale.names import visible
from llmscale.notes import note
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions
from llmscale.sources.paths import folder_claim

name, needs, assumes = "a folder of a diffusion pipeline", "", False
INDEX = "model_index.json"
WHY = "a pipeline of several models, of which only the weights are counted"


def claims(reference: str) -> Claim:
    """Whether it is such a file, or the path of a folder that has one."""
    path = os.path.expanduser(reference)
    if os.path.basename(path) == INDEX and os.path.isfile(path):
        return Claim.YES
    if not os.path.isfile(os.path.join(path, INDEX)):
        return Claim.NO
    return folder_claim(reference)


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The sum of the parts.

    Raises:
        InputFileError: one that is damaged, or none at all.
    """
    from llmscale.formats.catalogue import quant
    from llmscale.sources.checkpoint.load import LIKE
    from llmscale.sources.checkpoint.parts import MOST_PARTS, folder_of, parts_of
    from llmscale.sources.config_json import read
    from llmscale.sources.file_tensor import placed_tensors

    path = os.path.expanduser(reference)
    root = os.path.dirname(path) if os.path.basename(path) == INDEX else path
    where = os.path.join(root, INDEX)
    told = read(where)
    names = [key for key, value in told.items() if isinstance(value, list) and len(value) == 2 and value[0]]
    if len(names) > MOST_PARTS:
        raise InputFileError(f"'{where}' names {len(names):,} parts, more than any pipeline has.")
    for each in names:
        folder_of(root, each, where)
    parts = list(parts_of(root, names))
    stored = tuple(each for part in parts for each in part.stored)
    if not stored:
        raise InputFileError(
            f"'{root}' has none of the weights that its {INDEX} names.", "Download its folders as well."
        )
    spec = ModelSpec(
        id=visible(reference, 200),
        name=visible(os.path.basename(os.path.abspath(root)), 80),
        source=reference,
        family="",
        placed=tuple(placed_tensors(each.group for each in stored)),
        weights_only=WHY,
    )
    size, plain = sum(each.bytes for each in stored), quant(LIKE)
    form = replace(plain, id=AS_STORED, name="as stored", rules={}, aliases=[], stored=stored)
    form = replace(form, bits=8 * size / max(1, sum(part.parameters for part in parts)))
    form = replace(form, file_bytes=sum(part.file_bytes for part in parts))
    sizes = [{"part": part.folder, "bytes": part.bytes} for part in parts]
    kind = visible(told.get("_class_name") or "pipeline", 60)
    return Loaded(spec, stored=form, notes=(note("pipeline_parts", kind=kind, size=size, parts=sizes),))
