"""The parts of `fit_speed.py`."""
