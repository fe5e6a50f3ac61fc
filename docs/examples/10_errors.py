"""Whatever is wrong is one kind of error, with something to try."""

from llmscale import LlmscaleError, estimate

try:
    estimate("lama-3.1-8b", "q4_k_m")
except LlmscaleError as error:
    print(error.message)
    print("try:", error.hint)
