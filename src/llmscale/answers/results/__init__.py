"""What the commands and the Python API answer: the JSON contract ``llmscale/1`` as dataclasses, a module per answer.

Sizes are integers in bytes, counts integers. Fields are added, never renamed, within version 1.
"""
