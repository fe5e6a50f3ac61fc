"""``models check``: stated against counted; ``devices check``: what is missing."""

from __future__ import annotations

from llmscale.answers.results.check import CheckResult, DeviceCheckResult
from llmscale.render.report import Cell, Column, Report, table, word
from llmscale.render.views.cells import counted
from llmscale.render.words import Words


def check_view(result: CheckResult, say: Words) -> Report:
    """See the module."""
    columns = [
        Column("model", "Model", right=False, wraps=True),
        Column("stated", "Stated"),
        Column("counted", "Counted"),
        Column("percent", "Off by"),
        Column("difference", "Why", right=False, wraps=True),
        Column("source", "", right=False),
    ]
    rows = [
        [
            word(line.id),
            counted(line.stated, say),
            counted(line.counted, say),
            Cell(round(100 * line.relative, 4), f"{100 * line.relative:+.1f} %"),
            word(line.difference or "UNEXPLAINED", "" if line.explained else "red"),
            Cell(line.source, "user" if line.source == "user" else ""),
        ]
        for line in result.differing
    ]
    note = (
        f"{result.checked} models recounted from their tensors; {len(result.differing)} differ from the stated figure "
        f"by more than 0.5 %, {result.unexplained} of them without a written reason. "
        f"The hyper-parameters of {len(result.recalled)} were read nowhere (--recalled lists them)."
    )
    return Report((table("", columns, rows),) if rows else (), (note, *_contexts(result)))


def _contexts(result: CheckResult) -> tuple[str, ...]:
    return tuple(
        f"{line.id}: its context is {line.stated or 'missing'}, the config's own limit {line.limit}. Write the limit "
        f"as `context` and the other as `stated_context`."
        for line in result.contexts
    )


def recalled_view(result: CheckResult, say: Words) -> Report:
    """The models whose hyper-parameters were read nowhere."""
    rows = [[word(model_id)] for model_id in result.recalled]
    note = f"{len(rows)} models whose hyper-parameters were recalled: their counts were held against published totals."
    return Report((table("", [Column("model", "Model", right=False)], rows),) if rows else (), (note,))


def device_check_view(result: DeviceCheckResult, say: Words) -> Report:
    """Devices of which something is not known or not checked."""
    columns = [
        Column("id", "Device", right=False, wraps=True),
        Column("missing", "Missing", right=False, wraps=True),
        Column("recalled", "Unchecked", right=False, wraps=True),
    ]
    rows = [
        [word(line.id), word(", ".join(line.missing), "yellow"), word(", ".join(line.recalled))]
        for line in result.devices
    ]
    note = (
        f"{result.checked} device{'' if result.checked == 1 else 's'} checked. What is missing of "
        f"{result.incomplete} is answered as unknown, or as of the reference GPU."
    )
    return Report((table("", columns, rows),) if rows else (), (note,))
