"""Build hook: compiles `data/*.yaml` into the wheel, checked by the package's own code."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class CompileData(BuildHookInterface):  # type: ignore[type-arg]
    """Writes `src/llmscale/_data/<table>.jsonl` before the files are collected."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile every table; a checkout makes its own when it is first used."""
        if self.target_name != "wheel" or version == "editable":
            return
        root = Path(self.root)
        sys.path.insert(0, str(root / "src"))
        from llmscale.compile.registry import tables
        from llmscale.store.rows import dumped
        from llmscale.store.tables import ENDING, table

        # As every checkout has them: made where they are not there or a file that they follow from has changed.
        made = {name: table(name) for name in tables()}
        target = root / "src" / "llmscale" / "_data"
        target.mkdir(exist_ok=True)
        for old in target.iterdir():  # what another version made, or a process that was killed, does not ship
            old.unlink()
        for name, data in made.items():
            (target / f"{name}{ENDING}").write_text(dumped({"data": data}), encoding="utf-8", newline="\n")
