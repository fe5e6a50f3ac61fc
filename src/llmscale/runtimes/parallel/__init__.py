"""What servers share: how ranks cut a model's tensors, and how blocks of cache are paged. It knows none of them.

Sources are named where a rule was read; what one server does otherwise it hands over as an argument.
"""
