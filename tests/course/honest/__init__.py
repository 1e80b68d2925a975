"""Notebooks and hand-ins as honest people and their tools leave them."""
