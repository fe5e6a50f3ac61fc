"""What classes of transformers have alive in ``generate``, or in one call of an encoder: ``make activations``.

`cases` says which models are run and how (it alone needs no torch), `storages` counts memory on torch's meta device,
`generate` runs the classes there. The rows are those of `tests.oracle.campaigns.ACTIVATIONS`.
"""
