"""Evaluation of encoders by their features or their `encode` function; no method is known here."""
