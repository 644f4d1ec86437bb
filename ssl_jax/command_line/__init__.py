"""What all commands share: flags, configuration files, help and exit codes. Needs no jax."""
