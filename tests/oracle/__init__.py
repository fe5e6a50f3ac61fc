"""Asks the real libraries, and records what they say in tests/truth: ``make oracle``, ``activations``, ``layouts``.

`campaigns` says what is asked, of which configs, and where the answers stand; `record` renews some rows of a record and
leaves the others; `stale` (``make lint``) says what has to be made again, without any of the libraries.

Tensors are counted a second time with the classes of transformers: `subjects` says which configs and what of our
inventory is recorded, `real` builds the classes (it needs torch, and so does `ask`), `compare` holds the two lists
against each other, and `rules` holds what is known to differ and why. What the classes have alive is asked by the
package `activations`, what quantising libraries store by `layouts`, what llama.cpp's tools write by `gguf`.
"""
