"""llama.cpp's files: what its converter makes of a model's tensors, and which type each preset gives them."""

from llmscale.errors import UnsupportedModelError


def allot_preset(preset, spec, parts):
    raise UnsupportedModelError("not yet")
