"""What a training step holds besides weights and states: what forward keeps for backward, and the peaks of both."""
