"""Reports as tables, markdown, CSV, JSON and YAML."""
