"""Answers that show themselves: as a table, as HTML in a notebook, as dictionaries, JSON and rows."""

from __future__ import annotations

import json
from dataclasses import fields
from html import escape
from typing import TYPE_CHECKING, Any

from llmscale.answers.results.common import to_json
from llmscale.answers.results.compare import CompareResult
from llmscale.answers.results.estimate import EstimateResult
from llmscale.answers.results.fits import FitsOverview, FitsResult
from llmscale.answers.results.lists import DevicesResult, ModelsResult, QuantsResult
from llmscale.answers.results.needs import NeedsResult
from llmscale.answers.results.needs_load import NeedsLoadResult
from llmscale.answers.results.params import ParamsResult
from llmscale.render.interface import Look, View
from llmscale.render.report import Report, Table
from llmscale.render.words import words

#: Columns of a table where there is no terminal to ask.
WIDTH = 100

if TYPE_CHECKING:
    from typing_extensions import Self


class Shown:
    """Mixed into a result; its class names the view that a person reads."""

    def _view(self) -> View:
        raise NotImplementedError

    @classmethod
    def of(cls, result: Any, **seen: Any) -> Self:
        """`result` as one that shows itself.

        Args:
            seen: what the view has to know of the question.
        """
        known = {field.name: getattr(result, field.name) for field in fields(result) if field.init}
        made = cls(**known)
        for name, value in seen.items():
            object.__setattr__(made, f"_{name}", value)
        return made

    def report(self, lang: str = "en") -> Report:
        """What a person reads: titled tables, and sentences below them."""
        return self._view()(self, words(lang))

    def text(self, lang: str = "en", width: int = WIDTH, quiet: bool = False) -> str:
        """The table as the command line prints it, without colours."""
        from llmscale.render.writers.table import write

        return write(self, lambda: self.report(lang), words(lang), Look(width, colour=False, quiet=quiet)).rstrip("\n")

    def __str__(self) -> str:
        return self.text()

    def _repr_html_(self) -> str:
        report, say = self.report(), words("en")
        notes = "".join(f"<p><small>{escape(note)}</small></p>" for note in report.below)
        lead = "".join(f"<p><b>{escape(sentence)}</b></p>" for sentence in report.lead)
        return lead + "".join(_html(table, say) for table in report.tables) + notes

    def to_dict(self) -> dict[str, Any]:
        """The answer as the JSON contract has it."""
        from llmscale.render.writers.contract import contract

        found: dict[str, Any] = contract(self)
        return found

    def to_json(self, indent: int | None = 2) -> str:
        """The same as text."""
        return json.dumps(self.to_dict(), ensure_ascii=False, indent=indent)

    def to_rows(self) -> list[dict[str, Any]]:
        """One dictionary a row, sizes in bytes, under the same keys in all: what pandas and polars make a frame of."""
        tables = self.report().tables
        keys = list(dict.fromkeys(column.key for table in tables for column in table.columns))
        rows = []
        for table in tables:
            at = {column.key: place for place, column in enumerate(table.columns)}
            for row in table.rows:
                rows.append({key: to_json(row[at[key]].value) if key in at else None for key in keys})
        return rows


def _html(table: Table, say: Any) -> str:
    shown = table.shown()
    head = "".join(f"<th>{escape(say(table.columns[at].title))}</th>" for at in shown)
    body = "".join(
        "<tr>"
        + "".join(
            f'<td style="text-align:{"right" if table.columns[at].right else "left"}">{escape(row[at].text)}</td>'
            for at in shown
        )
        + "</tr>"
        for row in table.rows
    )
    caption = f"<caption>{escape(table.title)}</caption>" if table.title else ""
    return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


class EstimateAnswer(Shown, EstimateResult):
    """What `estimate` answers."""

    _named = False
    _explain = False
    _command = False

    def _view(self) -> View:
        from llmscale.render.views.estimate import EstimateView

        return EstimateView(self._named, self._explain, self._command)


class FitsAnswer(Shown, FitsResult):
    """What `fits` answers of a device."""

    def _view(self) -> View:
        from llmscale.render.views.fits import fits_view

        return fits_view


class FitsOverviewAnswer(Shown, FitsOverview):
    """What `fits` answers without a device."""

    def _view(self) -> View:
        from llmscale.render.views.fits import fits_view

        return fits_view


class NeedsAnswer(Shown, NeedsResult):
    """What `needs` answers."""

    def _view(self) -> View:
        from llmscale.render.views.needs import needs_view

        return needs_view


class NeedsLoadAnswer(Shown, NeedsLoadResult):
    """What `needs` answers of many users."""

    def _view(self) -> View:
        from llmscale.render.views.needs_load import needs_load_view

        return needs_load_view


class CompareAnswer(Shown, CompareResult):
    """What `compare` answers."""

    def _view(self) -> View:
        from llmscale.render.views.compare import compare_view

        return compare_view


class ParamsAnswer(Shown, ParamsResult):
    """What `params` answers."""

    _exact = False

    def _view(self) -> View:
        from llmscale.render.views.params import ParamsView

        return ParamsView(self._exact, False)


class ModelsAnswer(Shown, ModelsResult):
    """What `models` answers."""

    def _view(self) -> View:
        from llmscale.render.views.lists import models_view

        return models_view


class DevicesAnswer(Shown, DevicesResult):
    """What `devices` answers."""

    def _view(self) -> View:
        from llmscale.render.views.lists import devices_view

        return devices_view


class QuantsAnswer(Shown, QuantsResult):
    """What `quants` answers."""

    def _view(self) -> View:
        from llmscale.render.views.lists import quants_view

        return quants_view
