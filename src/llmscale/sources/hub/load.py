"""A model of a hub: its files as headers on this disk, read by what reads them anywhere.

Where the hub cannot be asked, what was seen of it once answers, then huggingface_hub's own cache, then the catalogue.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from llmscale.errors import InputFileError, LlmscaleError, NetworkError, NotFoundError
from llmscale.notes import Note, note
from llmscale.records import NamedTuple
from llmscale.sources import catalogue
from llmscale.sources.hub import choice, kept, reach
from llmscale.sources.hub.address import Address, address
from llmscale.sources.hub.downloaded import snapshot
from llmscale.sources.hub.fetch import fetched, listing
from llmscale.sources.hub.kept import Listing
from llmscale.sources.hub.wire import Wire, wire
from llmscale.sources.interface import Loaded, LoadOptions, Undisclosed


class _Opened(NamedTuple):
    """A repository, and how it is asked; `on` is None where it is not."""

    on: Wire | None
    home: str
    listing: Listing
    notes: tuple[Note, ...] = ()


def load_repository(reference: str, said: LoadOptions) -> Loaded | Undisclosed:
    """The model that `reference` names.

    Raises:
        UsageError: it names no repository, or the extra is not installed.
        NotFoundError: the hub has no such repository, revision or file.
        InputFileError: what the files hold is no model that we can read.
        NetworkError: the hub cannot be asked, and nothing else knows.
    """
    asked = address(reference)
    home = kept.home_of(reach.endpoint(), asked.repo)
    others = (_seen(reference, asked, home, said), _downloaded(reference, asked, said), _catalogued(asked, said))
    if reach.offline():
        return _other(NetworkError("The hub is not asked offline (HF_HUB_OFFLINE)."), others)
    answers = reach.reachable()
    if not answers:
        host = urlsplit(reach.endpoint()).netloc
        error = NetworkError(f"{host} cannot be reached.", "Check the network, a proxy or HF_ENDPOINT.")
        try:
            return _other(error, others)
        except NetworkError:
            if answers is False:
                raise
    try:  # a slow network is waited for where nothing else knows
        on = wire()
        found = listing(on, asked.repo, asked.revision)
        kept.keep_listing(home, asked.revision, found)
        return _loaded(reference, asked, _Opened(on, home, found), said)
    except NetworkError as error:
        return _other(error, others)


Other = Callable[[str], "Loaded | Undisclosed | None"]


def _other(error: NetworkError, others: tuple[Other, ...]) -> Loaded | Undisclosed:
    """What is known elsewhere, with why the hub did not say; that alone where nothing is."""
    for other in others:
        if (found := other(error.message.rstrip("."))) is not None:
            return found
    raise error


def _seen(reference: str, asked: Address, home: str, said: LoadOptions) -> Other:
    def read(why: str) -> Loaded | None:
        found = kept.kept_listing(home, asked.repo, asked.revision)
        if found is None:
            return None
        told = note("hub_seen", why=why, repo=asked.repo, commit=found.commit[:8])
        try:
            return _loaded(reference, asked, _Opened(None, home, found, (told,)), said)
        except NetworkError:  # another file of it was read
            return None

    return read


def _downloaded(reference: str, asked: Address, said: LoadOptions) -> Other:
    """The repository where huggingface_hub has it whole."""

    def read(why: str) -> Loaded | None:
        folder = snapshot(asked.repo, asked.revision)
        if not folder:
            return None
        files = {
            os.path.relpath(os.path.join(place, name), folder).replace(os.sep, "/"): None
            for place, _, names in os.walk(folder)
            for name in names
        }
        told = note("hub_downloaded", why=why, repo=asked.repo)
        home, commit = os.path.split(folder)
        try:
            return _loaded(reference, asked, _Opened(None, home, Listing(asked.repo, commit, files), (told,)), said)
        except NotFoundError:
            return None

    return read


def _catalogued(asked: Address, said: LoadOptions) -> Other:
    def read(why: str) -> Loaded | Undisclosed | None:
        try:
            found = catalogue.load(f"{asked.repo}:{asked.pick}" if asked.pick else asked.repo, said)
        except LlmscaleError:
            return None
        name = found.entry.name if found.entry else asked.repo
        return found._replace(notes=(note("hub_catalogue", why=why, model=name), *found.notes))

    return read


def _loaded(reference: str, asked: Address, opened: _Opened, said: LoadOptions) -> Loaded:
    files = opened.listing.files
    models = choice.ggufs(files)
    shards = choice.checkpoint(files)
    if asked.pick and not models:
        raise NotFoundError(f"{asked.repo} has no GGUF files, so no '{asked.pick}'.", "Leave that away.")
    if models and (asked.pick or not shards):
        found = _gguf(reference, asked, opened, models, said)
    elif shards:
        found = _checkpoint(reference, opened, shards, said)
    elif "config.json" in files:
        found = _config(reference, opened, said)
    else:
        raise InputFileError(
            f"{asked.repo} has neither safetensors nor GGUF files nor a config.json.", "Name a repository of a model."
        )
    where = f"{urlsplit(reach.endpoint()).netloc}/{asked.repo}@{opened.listing.commit[:12]}"
    named = replace(
        found.spec, id=reference, name=found.spec.name if models and not shards else asked.repo, source=where
    )
    return found._replace(spec=named, notes=(*opened.notes, *found.notes))


def _gguf(reference: str, asked: Address, opened: _Opened, models: list[choice.Gguf], said: LoadOptions) -> Loaded:
    from llmscale.sources.gguf.load import load_files
    from llmscale.sources.gguf.split import Files

    model = choice.picked(asked.repo, models, asked.pick)
    sizes = fetched(opened.on, opened.home, opened.listing, model.files)
    paths = tuple(kept.path_of(opened.home, opened.listing.commit, name) for name in model.files)
    found = load_files(reference, Files(paths), said.catalogue, sizes)
    others = [each for each in models if each is not model]
    if asked.pick or not others:
        return found
    return found._replace(notes=(note("hub_file", file=model.label, others=choice.sizes(others)),))


def _checkpoint(reference: str, opened: _Opened, shards: list[str], said: LoadOptions) -> Loaded:
    from llmscale.sources.checkpoint.load import load_checkpoint

    configs = [name for name in choice.CONFIGS if name in opened.listing.files]
    sizes = fetched(opened.on, opened.home, opened.listing, [*configs, *shards])
    folder = os.path.join(opened.home, opened.listing.commit)
    return load_checkpoint(reference, folder, said, sizes, tuple(os.path.join(folder, name) for name in shards))


def _config(reference: str, opened: _Opened, said: LoadOptions) -> Loaded:
    from llmscale.sources import config_json

    fetched(opened.on, opened.home, opened.listing, ["config.json"])
    path = kept.path_of(opened.home, opened.listing.commit, "config.json")
    found = config_json.load(path, said)
    return found._replace(notes=(note("hub_config_only", repo=opened.listing.repo),))
