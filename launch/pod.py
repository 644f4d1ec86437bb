"""python launch/pod.py --config=FILE[:VARIANT] --workdir=DIR [--config.KEY=VALUE]

Like python -m ssl_jax.main, for schedulers that take exit code 0 as the end of the work: exits 75
if the run was stopped and saved before its end. All processes exit with the same code.
"""

import sys
from collections.abc import Sequence

import jax
import numpy as np
from finished import finished
from jax.experimental import multihost_utils

from ssl_jax import main
from ssl_jax.command_line import config_flags, run_command

STOPPED = 75  # EX_TEMPFAIL: try again


def run(argv: Sequence[str]) -> None:
    """Flags: those of ssl_jax.main."""
    main.main(argv)
    done = np.asarray(finished(config_flags.parse(argv).workdir))
    if jax.process_count() > 1:
        # The first process wrote the result, which the others may not see yet.
        done = multihost_utils.broadcast_one_to_all(done)
    if not done:
        sys.exit(STOPPED)


if __name__ == "__main__":
    run_command.run(run, terminated=STOPPED)
