"""Self-supervised learning of visual representations in JAX and Flax."""
