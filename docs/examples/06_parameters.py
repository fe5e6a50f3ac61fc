"""Where the parameters of a mixture of experts sit."""

from llmscale import params

count = params("qwen3-30b-a3b").parameters
assert count is not None
print(f"{count.total:,} parameters, {count.active:,} active: {count.active / count.total:.0%}")
