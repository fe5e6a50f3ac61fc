"""Damaged files by the million: `make fuzz MINUTES=10`."""
