"""Does a model fit a card, and how much context is left?"""

from llmscale import estimate

answer = estimate("llama-3.1-8b", "q4_k_m", gpu="rtx3060", context="8k")
card = answer.estimates[0].devices[0]
print("fits:", card.fits, "| free GiB:", round(card.free_bytes / 2**30, 2), "| longest context:", card.max_context)
