"""The tensors of one building block each: shapes only, one tensor a line, no bytes.

Shapes are (out, in) as PyTorch's ``Linear`` stores them unless a block says otherwise.
"""
