"""The same answers by HTTP: the JSON contract, its OpenAPI description, and one page. Needs the extra ``web``."""
