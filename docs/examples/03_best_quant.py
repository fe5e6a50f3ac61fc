"""The quants of one model on a card, and the one to take."""

from llmscale import fits

for step in fits("rtx3060", "qwen3-14b").choices:
    print(step.quant, "<- take this" if step.advised else "fits" if step.fits else "does not fit")
