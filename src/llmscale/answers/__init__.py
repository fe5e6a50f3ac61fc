"""The Python API: what each command answers, as one function each. The command line calls these and renders.

References are what users type: a catalogue name, a size such as ``7B``, a ``config.json`` or its folder.
Every function raises the errors of `llmscale.errors`.
"""
