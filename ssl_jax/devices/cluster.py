"""Joins the other processes of a run."""

import os

import jax

from ssl_jax.errors import UserError


def join_cluster() -> None:
    """Joins the other processes of a run if SSL_JAX_DISTRIBUTED is set.

    On TPU pods, Slurm and Open MPI, jax detects them. Elsewhere the launcher sets
    JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID, which take precedence
    where they are set; the process then uses all devices that it sees.

    Raises:
      UserError: if neither provides what is needed.
    """
    if not os.environ.get("SSL_JAX_DISTRIBUTED"):
        return
    names = [f"JAX_{name}" for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID")]
    values = [os.environ.get(name) for name in names]
    _, count, index = values
    try:
        jax.distributed.initialize(
            num_processes=int(count) if count else None,
            process_id=int(index) if index else None,
            # Even with all values, jax would otherwise detect Slurm and use only one GPU.
            cluster_detection_method="deactivate" if all(values) else None,
        )
    except ValueError as error:
        raise UserError(
            f"SSL_JAX_DISTRIBUTED needs a cluster or {', '.join(names)}: {error}"
        ) from None
