"""Two models side by side."""

from llmscale import compare

small, large = compare("gpt-3", "llama-3.1-70b").models
print(small.name, small.parameters, "|", large.name, large.parameters)
