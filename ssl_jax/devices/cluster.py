"""Joining the other processes of a run."""

import os

import jax

from ssl_jax.errors import UserError


def join_cluster() -> None:
    """Joins the other processes of a run where SSL_JAX_DISTRIBUTED is set.

    On TPU pods, Slurm and Open MPI jax finds them by itself. Elsewhere, or where they are set, the
    launcher says it by JAX_COORDINATOR_ADDRESS (host:port), JAX_NUM_PROCESSES and JAX_PROCESS_ID,
    and the process gets all devices that it sees.

    Raises:
      UserError: where neither says what is needed.
    """
    if not os.environ.get("SSL_JAX_DISTRIBUTED"):
        return
    names = [f"JAX_{name}" for name in ("COORDINATOR_ADDRESS", "NUM_PROCESSES", "PROCESS_ID")]
    given = [os.environ.get(name) for name in names]
    _, count, index = given
    try:
        jax.distributed.initialize(
            num_processes=int(count) if count else None,
            process_id=int(index) if index else None,
            # Told everything jax would still look around, and under Slurm leave one GPU of all.
            cluster_detection_method="deactivate" if all(given) else None,
        )
    except ValueError as error:
        raise UserError(
            f"SSL_JAX_DISTRIBUTED needs a cluster or {', '.join(names)}: {error}"
        ) from None
