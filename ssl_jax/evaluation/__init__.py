"""Evaluation of encoders by their features or `encode` function, independent of any method."""
