"""Numbered changes of the project schema, and what applies them."""
