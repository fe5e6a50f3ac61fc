"""Attention, as transformers' classes compute it: single operations (eager) or PyTorch's SDPA.

`attend` joins the parts: `heads` what is projected, `rotary` positions, `cache` what a layer keeps of its tokens,
`eager` and `sdpa` the two ways to the output. `latent` and `disentangled` are DeepSeek's and DeBERTa's own.
"""
