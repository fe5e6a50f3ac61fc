"""KTransformers: SGLang with the routed experts in host memory."""
