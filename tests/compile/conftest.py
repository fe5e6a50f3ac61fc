"""The fixture of a checkout of its own."""

from tests.store.a_checkout import checkout

__all__ = ["checkout"]
