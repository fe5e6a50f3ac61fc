"""Decoders: one step of ``generate``.

`layers` reads the layers out of a model's blocks, `model` what else of it a step is made of, `step` goes from the
embeddings to the logits, `layer` through one layer; `masks` and `cache` are what all layers share.
"""
