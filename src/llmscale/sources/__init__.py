"""From what the user names to a `ModelSpec`: each source is a module of its own; see `interface` and `registry`."""
