"""The compiled tables, and the YAML that they are made of."""
