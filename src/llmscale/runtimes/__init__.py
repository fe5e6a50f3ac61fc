"""Runtimes lay out memory differently: one package each, named in `registry`, with the interface of `interface`."""
