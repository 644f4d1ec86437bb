"""What is known to go wrong with a configuration, one function each, before hours go into it.

A check looks at the configuration and a few facts on the data and the machine; nothing is built.
What `build` refuses as well is said in the same words, so that it is one finding.
"""

from collections.abc import Iterator

from ssl_jax.errors import UserError
from ssl_jax.setup.checks import images, method
from ssl_jax.setup.checks.finding import LEVELS, Facts, Finding, facts_of, worst_first
from ssl_jax.types import Config

__all__ = ["LEVELS", "Facts", "Finding", "examine", "facts_of", "memory", "refuse", "worst_first"]


def examine(config: Config, facts: Facts) -> list[Finding]:
    """Everything that the checks find, the worst first.

    The values of `config` are in range (`validate.check`).
    """
    return worst_first(
        [finding for check in images.CHECKS + method.CHECKS for finding in check(config, facts)]
    )


def refuse(config: Config, facts: Facts) -> None:
    """Stops what would be of no use.

    Raises:
      UserError: naming the first fatal finding, and how many more there are.
    """
    fatal = [finding for finding in examine(config, facts) if finding.level == "fatal"]
    if fatal:
        more = f" (and {len(fatal) - 1} more: python -m ssl_jax.doctor)" if fatal[1:] else ""
        raise UserError(f"{fatal[0].what}; {fatal[0].remedy}{more}")


def memory(needed: float, limit: float) -> Iterator[Finding]:
    """Whether a train step of `needed` bytes a device fits into `limit` bytes."""
    what = f"the train step needs {needed / limit:.0%} of a device's memory"
    remedy = "lower config.batch_size, the views' size or the network, or use more devices"
    if needed > limit:
        yield Finding("fatal", what, remedy)
    elif needed > 0.9 * limit:
        yield Finding("warning", f"{what}, and evaluation needs some, too", remedy)
