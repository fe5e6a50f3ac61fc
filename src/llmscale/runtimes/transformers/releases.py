"""The release of transformers whose forward pass is traced."""

from __future__ import annotations

VERSION = "5.23.0"
