"""A model that Ollama has on this disk (``ollama:qwen3:8b``): its manifest names the blob, which is a GGUF file.

No server is asked. Source: github.com/ollama/ollama: manifest/paths.go and types/model/name.go: a store is the folder
in ``OLLAMA_MODELS``, else ``.ollama/models`` of the user, or the service's own.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from llmscale.errors import InputFileError, NotFoundError
from llmscale.names import nearest, visible
from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions

name, needs, assumes = "a model in Ollama's store", "", False
PREFIX = "ollama:"
#: The store of the service that Ollama's installer sets up on Linux.
SERVICE = "/usr/share/ollama/.ollama/models"
HOST, NAMESPACE, TAG = "registry.ollama.ai", "library", "latest"
#: Kinds of layers, by the end of their media type.
MODEL, PROJECTOR, ADAPTER = "image.model", "image.projector", "image.adapter"
MOST_MANIFEST = 1 << 20
#: Manifests that a store is searched for.
MOST_LISTED = 5_000
_PART = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


def claims(reference: str) -> Claim:
    """Whether it is called so."""
    return Claim.YES if reference.lower().startswith(PREFIX) else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded:
    """The model that the manifest names.

    Raises:
        NotFoundError: there is none of that name on this disk.
        InputFileError: a manifest or blob that cannot be read.
    """
    from llmscale.sources.gguf.load import load_files
    from llmscale.sources.gguf.split import Files

    called = reference[len(PREFIX) :].strip()
    store, path = _manifest(called)
    layers = list(_layers(path))
    model = [digest for kind, digest, _ in layers if kind.endswith(MODEL)]
    if not model:
        raise InputFileError(f"'{path}' names no model.", f"ollama pull {visible(called)} may mend it.")
    found = load_files(
        reference, Files(tuple(os.path.join(store, "blobs", digest) for digest in model)), said.catalogue
    )
    beside = tuple(
        f"Ollama loads {size:,} bytes of {'towers' if kind.endswith(PROJECTOR) else 'an adapter'} beside it."
        for kind, _, size in layers
        if kind.endswith((PROJECTOR, ADAPTER))
    )
    warnings = (*found.spec.warnings, *beside)
    return found._replace(spec=replace(found.spec, name=visible(called, 80), warnings=warnings))


def blobs(store: str, called: str) -> Iterator[tuple[str, str]]:
    """Kind and path of what a manifest of this store names; the file itself may be missing.

    Args:
        called: as `listed` has it.

    Raises:
        NotFoundError, InputFileError: as `load`.
    """
    where, path = _manifest(called, [store])
    if not os.path.realpath(path).startswith(os.path.join(os.path.realpath(store), "")):
        raise InputFileError(f"'{path}' is a link out of the folder, which is not followed.")
    return ((kind, os.path.join(where, "blobs", digest)) for kind, digest, _ in _layers(path))


def stores() -> list[str]:
    """Folders that may be a store, the likeliest first."""
    own = os.environ.get("OLLAMA_MODELS")
    return [own] if own else [os.path.join(os.path.expanduser("~"), ".ollama", "models"), SERVICE]


def listed(store: str) -> Iterator[str]:
    """What is in a store, as ``ollama list`` names it."""
    root = os.path.join(store, "manifests")
    found = 0
    for folder, folders, files in os.walk(root):
        folders.sort()
        for file in sorted(files):
            parts = [*os.path.relpath(folder, root).split(os.sep), file]
            if len(parts) == 4 and found < MOST_LISTED:
                found += 1
                host, space, model, tag = parts
                short = [part for part, usual in ((host, HOST), (space, NAMESPACE)) if part != usual]
                yield f"{'/'.join([*short, model])}:{tag}"


def _manifest(called: str, among: Sequence[str] = ()) -> tuple[str, str]:
    """The store and the path of a model's manifest.

    Args:
        among: the stores to look in; all when empty.

    Raises:
        NotFoundError: no store has it.
    """
    path, _, tag = called.partition(":") if "/" not in called.rpartition(":")[2] else (called, "", "")
    parts = path.split("/")
    whole = [*(HOST, NAMESPACE, "")[: 3 - len(parts)], *parts, tag or TAG]
    if len(whole) == 4 and all(_PART.fullmatch(part) for part in whole):
        for store in among or stores():
            manifest = os.path.join(store, "manifests", *whole)
            if os.path.isfile(manifest):
                return store, manifest
    have = [name for store in stores() for name in listed(store)]
    near = nearest(called, have) or have[:4]
    hint = f"There are {', '.join(map(visible, near))}." if near else f"ollama pull {visible(called)} fetches it."
    raise NotFoundError(f"Ollama has no '{visible(called)}' on this disk.", hint)


def _layers(path: str) -> Iterator[tuple[str, str, int]]:
    """Kind, name of the blob and bytes of what a manifest names."""
    from llmscale.sources.json_text import parsed
    from llmscale.store.text_file import read_text

    data: Any = parsed(read_text(path, MOST_MANIFEST, "a manifest"), path, "a manifest").get("layers")
    for layer in data if isinstance(data, list) else ():
        if not isinstance(layer, dict):
            continue
        kind, digest, size = layer.get("mediaType"), layer.get("digest"), layer.get("size")
        match = _DIGEST.fullmatch(digest) if isinstance(digest, str) else None
        if isinstance(kind, str) and match and type(size) is int:
            yield kind, f"sha256-{match[1]}", size
