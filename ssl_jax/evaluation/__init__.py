"""Evaluation of frozen features. Everything here sees arrays or an `encode` closure, no method."""
