"""What a model takes of devices, and how much of it fits."""
