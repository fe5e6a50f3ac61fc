"""Questions as programs ask them, by HTTP or as tools of an assistant: names, and words for each."""
