"""Tables of a checkout: made in a process of their own, whose imports tell what they were made with."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from llmscale.compile.registry import make, recipe, sources
from llmscale.errors import InputFileError
from llmscale.store import tables, yaml_file
from llmscale.store.progress import telling

#: Relative to the package: where the YAML lies in a checkout.
DATA = os.path.join(os.pardir, os.pardir, "data")
#: Exit status of a process that has refused what it read.
REFUSED = 4


def compiled(name: str) -> dict[str, Any]:
    """The table `name` with what it was made with.

    Raises:
        InputFileError: what does not fit its schema.
    """
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(tables.PACKAGE)}
    with telling(f"made once after a change of the code: table {name} …"):
        done = subprocess.run(
            [sys.executable, "-m", "llmscale.compile", name, tables.COMPILED],
            env=environment,
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
        )
    if done.returncode == REFUSED:
        message, hint = json.loads(done.stderr)
        raise InputFileError(message, hint)
    if done.returncode:
        raise RuntimeError(done.stderr)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def made_here(name: str) -> dict[str, Any]:
    """The same, made in this process, which must have done nothing else."""
    data = make(name, *sources(name, os.path.join(tables.PACKAGE, DATA)))
    files = {_relative(path) for path in yaml_file.READ}
    files |= {
        _relative(module.__file__)
        for module_name, module in list(sys.modules.items())
        if module_name.startswith("llmscale.") and module.__file__
    }
    if folder := recipe(name).folder:
        files.add(folder)  # which changes when a module joins it
    for other in tables.READ:
        files |= set((tables.made(other) or {}).get("made_with", {}))
    return {"made_with": {path: tables.changed(path) for path in sorted(files)}, "data": data}


def _relative(path: str) -> str:
    return os.path.relpath(os.path.abspath(path), tables.PACKAGE).replace(os.sep, "/")
