"""Runs the rows of a table at a scale, keeps their results, and renders them."""
