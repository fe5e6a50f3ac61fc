"""What has to be read of a repository: its list of files, small files whole, of files with tensors the header."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import quote

from llmscale.errors import InputFileError, NetworkError
from llmscale.sources.checkpoint.header import MOST_HEADER
from llmscale.sources.config_json import MAX_BYTES
from llmscale.sources.gguf.cursor import MOST, CutShortError
from llmscale.sources.gguf.header import MAGIC, read_header
from llmscale.sources.hub import kept
from llmscale.sources.hub.choice import GGUF
from llmscale.sources.hub.kept import Listing
from llmscale.sources.hub.wire import Wire, get
from llmscale.sources.json_text import parsed
from llmscale.store.progress import counted

#: Bytes that are asked for first: most headers of shards have less; most GGUF vocabularies take more.
FIRST, PIECE = 256 << 10, 4 << 20
AT_ONCE = 8


def listing(on: Wire, repo: str, revision: str) -> Listing:
    """The files of a repository, as the hub has them now.

    Raises:
        NotFoundError: it has none of that name.
        NetworkError: it cannot be reached, or answers with something else.
    """
    answer = get(on, f"/api/models/{repo}/revision/{quote(revision, safe='')}?blobs=true", kept.MOST_LIST)
    try:
        data = parsed(answer.data.decode("utf-8", "replace"), on.host, "a list of files")
    except InputFileError:
        raise NetworkError(
            f"{on.host} answers with something else than a list of files.", "Is a login page in between?"
        ) from None
    found = kept.listing_of(repo, data)
    if found is None:
        raise NetworkError(f"{on.host} does not say which files {repo} has.", "Is HF_ENDPOINT a hub?")
    return found


def fetched(on: Wire | None, home: str, found: Listing, names: Sequence[str]) -> dict[str, int]:
    """Have the beginnings of these files on this disk; the bytes of the whole ones, by path.

    Args:
        on: None where only what is kept counts.

    Raises:
        NetworkError: one that is not kept cannot be read.
    """
    lacking = [name for name in names if not os.path.isfile(kept.path_of(home, found.commit, name))]
    if lacking and on is None:
        raise NetworkError(f"{lacking[0]} of {found.repo} was never read, and the hub is not asked now.")
    sizes = {name: size for name in names if (size := found.files.get(name)) is not None}
    if on is not None and lacking:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            totals = pool.map(lambda each: _one(on, home, found, each), lacking)
            for name, total in zip(lacking, counted(totals, len(lacking), "headers read"), strict=True):
                sizes.setdefault(name, total)
    return {kept.path_of(home, found.commit, name): size for name, size in sizes.items()}


def _one(on: Wire, home: str, found: Listing, name: str) -> int:
    """Read what is wanted of a file and keep it; bytes of the whole."""
    path = f"/{found.repo}/resolve/{found.commit}/{quote(name)}"
    target = kept.path_of(home, found.commit, name)
    if name.endswith(".json"):
        data = get(on, path, MAX_BYTES).data
        kept.write(target, data)
        return len(data)
    return (_gguf if name.lower().endswith(GGUF) else _safetensors)(on, path, target, found.files.get(name))


def _safetensors(on: Wire, path: str, target: str, size: int | None) -> int:
    first = get(on, path, FIRST, 0)
    data, total = first.data, size if size is not None else first.total
    length = int.from_bytes(data[:8], "little")
    if len(data) < 8 or not 2 <= length <= MOST_HEADER:
        raise InputFileError(
            f"'{os.path.basename(path)}' is no safetensors file: it would begin with a header of {length:,} bytes.",
            "Check which repository it is.",
        )
    if 8 + length > len(data):
        data += get(on, path, 8 + length - len(data), len(data)).data
    kept.write(target, data[: 8 + length])
    return total if total is not None else len(data)


def _gguf(on: Wire, path: str, target: str, size: int | None) -> int:
    """As much as the header takes, which nothing says before it has been read."""
    part, data = f"{target}.part", b""
    total = size
    while True:
        answer = get(on, path, max(PIECE, len(data)), len(data))
        total = total if total is not None else answer.total
        data += answer.data
        if not data.startswith(MAGIC):
            raise InputFileError(f"'{os.path.basename(path)}' is no GGUF file: it does not begin with 'GGUF'.")
        kept.write(part, data)
        try:
            header = read_header(part, total if total is not None else len(data))
        except CutShortError:
            if not answer.data or len(data) >= min(MOST, total or MOST):
                raise
            continue
        finally:
            os.unlink(part)
        kept.write(target, data[: header.size])
        return header.file_bytes
