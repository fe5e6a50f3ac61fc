"""``runtimes``: which there are, and which releases of each were read. ``plugins``: what other packages bring."""

from __future__ import annotations

from llmscale import plugins as installed
from llmscale.answers.results.runtimes import (
    OptionLine,
    PluginLine,
    PluginsResult,
    ReleaseLine,
    RuntimeLine,
    RuntimesResult,
)
from llmscale.errors import UnsupportedModelError
from llmscale.formats.catalogue import quants
from llmscale.formats.recipe import Quant
from llmscale.runtimes.interface import RuntimeInfo
from llmscale.runtimes.refusals import refuse_unread
from llmscale.runtimes.registry import KIND, NAMES, ROOMS, info, named, runtime
from llmscale.runtimes.releases import releases


def list_runtimes(name: str | None = None) -> RuntimesResult:
    """All runtimes, those of other packages last, or the one called `name`.

    Raises:
        NotFoundError: there is none of that name.
    """
    found = [named(name)] if name is not None else [*NAMES, *installed.names(KIND)]
    return RuntimesResult(tuple(_line(one) for one in found))


def list_plugins() -> PluginsResult:
    """What installed packages bring."""
    return PluginsResult(tuple(PluginLine(*one) for one in installed.listed()), dict(installed.KINDS))


def _line(name: str) -> RuntimeLine:
    known = info(name)
    return RuntimeLine(
        name=name,
        title=known.title,
        release=runtime(name).release,
        vendors=known.vendors,
        quants=sum(_reads(known, quant) for quant in quants()),
        engine=known.engine,
        source=known.source,
        releases=tuple(_releases(name)) if name in ROOMS else (),
        options=tuple(OptionLine(option.name, option.flags, option.help) for option in known.options),
    )


def _reads(known: RuntimeInfo, quant: Quant) -> bool:
    try:
        refuse_unread(known, quant)
    except UnsupportedModelError:
        return False
    return True


def _releases(name: str) -> list[ReleaseLine]:
    return [ReleaseLine(one.since, one.read, one.measured, one.source) for one in releases(name)]
