"""Training over several devices: how a model is cut, what the fullest device holds, how long a step takes."""
