"""LMDeploy: the TurboMind engine."""
