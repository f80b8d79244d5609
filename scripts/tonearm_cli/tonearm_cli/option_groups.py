"""Help in groups: options stand under the name of their panel, without what typer loads to draw panels."""

from __future__ import annotations

from typing import Any

from typer.core import TyperArgument, TyperCommand, TyperOption

_ARGUMENTS, _OTHERS = "Arguments", "Options"


class GroupedHelp(TyperCommand):
    """A command whose help lists each option under its `rich_help_panel`, in the order in which they first appear."""

    # typer keeps the types of these two to itself.
    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write a section for each group; options that belong to none come last."""
        groups: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            if record is not None:
                group = parameter.rich_help_panel if isinstance(parameter, TyperOption) else None
                usual = _ARGUMENTS if isinstance(parameter, TyperArgument) else _OTHERS
                groups.setdefault(group or usual, []).append(record)
        others = groups.pop(_OTHERS, [])
        for name, records in [*groups.items(), (_OTHERS, others)]:
            if records:
                with formatter.section(name):
                    formatter.write_dl(records)
