"""A command whose ``--help`` lists its options in groups, each under its title."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand

#: The group of what names none, and those that come first, in this order; runtimes' own follow.
OTHERS = "Output"
ORDER = ("Arguments", "What", "Where", "How", OTHERS)


class GroupedCommand(TyperCommand):
    """See the module; an option names its group as Typer does, by ``rich_help_panel``."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                title = "Arguments" if parameter.param_type_name == "argument" else _group(parameter)
                groups.setdefault(title, []).append(record)
        for title in sorted(groups, key=lambda title: ORDER.index(title) if title in ORDER else len(ORDER)):
            with formatter.section(title):
                formatter.write_dl(groups[title])


def _group(parameter: Any) -> str:
    return getattr(parameter, "rich_help_panel", None) or OTHERS
