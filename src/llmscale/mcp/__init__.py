"""The same answers as tools of an assistant, by the Model Context Protocol over stdio. Needs the extra ``mcp``."""
