"""One file per method, its variants by name; importable as `ssl_jax.configs`."""
