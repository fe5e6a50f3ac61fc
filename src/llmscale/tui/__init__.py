"""The same answers in a terminal, at once as one chooses. Needs the extra ``tui``."""
