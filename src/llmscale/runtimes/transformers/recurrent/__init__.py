"""Recurrent blocks as transformers runs them without optional kernels.

With the kernels of ``mamba-ssm``, ``causal-conv1d`` and ``flash-linear-attention`` a prompt takes less; what these
allocate is not traced.
"""
