"""How fast a model runs: bytes and FLOPs of a step, the law that turns them into time, and its fitted constants."""
