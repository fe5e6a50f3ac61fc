"""Encoders: one call of a text or vision model that keeps nothing between tokens.

`tower` reads the stacks of layers out of a model's blocks, `call` goes from what the model is given to its answer,
`layer` through one layer, and `masks` makes what attention is given besides.
"""
