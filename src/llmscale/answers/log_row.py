"""``log --anonymise``: what a collection of measurements would take of a log; no text of the log itself.

No path and no name is in it: every word is one that llmscale itself knows.
"""

from __future__ import annotations

import re
from typing import Any

from llmscale.answers.results.log import LogResult


def row(result: LogResult) -> dict[str, Any]:
    """The row."""
    found: dict[str, Any] = {
        "kind": "log",
        "model": result.model.id,
        "quant": result.quant,
        "runtime": result.runtime,
        "release": _number_of(result.release),
        "context": result.context,
        "batch": result.batch,
        "kv_dtype": result.kv_dtype,
        "options": dict(result.options),
        "device": result.device,
        "terms": [
            {"kind": one.kind, "device": one.device, "bytes": one.log_bytes, "step_bytes": one.step_bytes}
            for one in result.terms
        ],
        "cache_tokens": result.cache_tokens,
    }
    if result.trouble:
        lack = result.trouble
        told = {
            "device_bytes": lack.device_bytes,
            "held_bytes": lack.held_bytes,
            "spare_bytes": lack.spare_bytes,
            "others_bytes": lack.others_bytes,
        }
        found["out_of_memory"] = {
            "kind": lack.kind,
            "device": lack.device,
            "wanted_bytes": lack.wanted_bytes,
            "available_bytes": lack.available_bytes,
            **{key: value for key, value in told.items() if value is not None},
        }
    return {key: value for key, value in found.items() if value not in (None, "", {})}


def _number_of(release: str) -> str:
    """A release without what a build of one's own may have put behind it."""
    found = re.match(r"b?\d+(?:\.\d+)*", release)
    return found.group() if found else ""
