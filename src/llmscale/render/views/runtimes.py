"""``runtimes``: a line each, or one with its releases and options. ``plugins``: a line each."""

from __future__ import annotations

from llmscale.answers.results.runtimes import PluginsResult, RuntimeLine, RuntimesResult
from llmscale.render.report import Column, Report, Table, table, whole, word
from llmscale.render.words import Words


def runtimes_view(result: RuntimesResult, say: Words) -> Report:
    """All of them in one table; of one alone what its releases were read in, and its options."""
    columns = [
        Column("name", "Runtime", right=False),
        Column("release", "Release", right=False),
        Column("read", "Also read", right=False, wraps=True),
        Column("measured", "Measured", right=False, wraps=True),
        Column("quants", "Quants"),
        Column("vendors", "GPUs of", right=False, wraps=True),
    ]
    rows = [
        [
            word(line.name, "bold"),
            word(line.release),
            word(", ".join(_others(line))),
            word(", ".join(release for one in line.releases for release in one.measured)),
            whole(line.quants),
            word(", ".join(line.vendors)),
        ]
        for line in result.runtimes
    ]
    tables = [table("", columns, rows)]
    if len(result.runtimes) == 1:
        tables += _details(result.runtimes[0])
    notes = [say("--runtime NAME@RELEASE takes another release than the one shown.")]
    return Report(tuple(tables), tuple(notes))


def _others(line: RuntimeLine) -> list[str]:
    return [release for one in line.releases for release in one.read if release != line.release]


def _details(line: RuntimeLine) -> list[Table]:
    read = [
        Column("since", "Since", right=False),
        Column("read", "Read", right=False, wraps=True),
        Column("measured", "Measured", right=False, wraps=True),
        Column("source", "Source", right=False, wraps=True),
    ]
    releases = [
        [word(one.since, "bold"), word(", ".join(one.read)), word(", ".join(one.measured)), word(one.source)]
        for one in line.releases
    ]
    typed = [Column("flags", "Option", right=False), Column("help", "", right=False, wraps=True)]
    options = [[word(", ".join(one.flags), "bold"), word(one.help)] for one in line.options]
    return [table("", read, releases), table("", typed, options)] if options else [table("", read, releases)]


def plugins_view(result: PluginsResult, say: Words) -> Report:
    """What packages bring, and where nothing is brought, what could be."""
    columns = [
        Column("kind", "Kind", right=False),
        Column("name", "Name", right=False),
        Column("package", "Package", right=False),
        Column("trouble", "Trouble", right=False, wraps=True),
    ]
    rows = [[word(one.kind), word(one.name, "bold"), word(one.package), word(one.trouble)] for one in result.plugins]
    if rows:
        return Report((table("", columns, rows),))
    kinds = [
        Column("kind", "Kind", right=False),
        Column("what", "Entry point in llmscale.KIND", right=False, wraps=True),
    ]
    possible = [[word(kind, "bold"), word(text)] for kind, text in result.kinds.items()]
    return Report((table("", kinds, possible),), (say("No installed package brings anything to llmscale."),))
