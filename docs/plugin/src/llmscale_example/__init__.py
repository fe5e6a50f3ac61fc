"""One of each kind that a package can bring to llmscale."""

from __future__ import annotations

from pathlib import Path

#: Files of quants and of models, in the form of llmscale's own.
QUANTS = Path(__file__).parent / "quants.yaml"
MODELS = Path(__file__).parent / "models.yaml"
