"""What to run on a card, as the command line prints it."""

from llmscale import fits

print(fits("rtx4090", limit=5))
