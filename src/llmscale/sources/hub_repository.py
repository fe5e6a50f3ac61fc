"""A repository of a hub (``hub:org/name``): its config and the headers of its files, nothing more is downloaded.

Asked only where it is named so: no other name ever leaves this machine.
"""

from __future__ import annotations

from llmscale.sources.interface import NOTHING, Claim, Loaded, LoadOptions, Undisclosed

name, needs, assumes = "a repository of a hub", "hub", True
PREFIX = "hub:"


def claims(reference: str) -> Claim:
    """Whether it is called so."""
    return Claim.YES if reference.lower().startswith(PREFIX) else Claim.NO


def load(reference: str, said: LoadOptions = NOTHING) -> Loaded | Undisclosed:
    """The model in the repository.

    Raises:
        UsageError, NotFoundError, InputFileError, NetworkError: as `load_repository`.
    """
    from llmscale.sources.hub.load import load_repository

    return load_repository(reference, said)
