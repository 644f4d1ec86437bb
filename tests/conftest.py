"""Eight virtual CPU devices, strict rank promotion; set before the first import of jax.

SSL_JAX_TEST_PLATFORM=cuda or tpu runs tests there instead (`make test-accelerator`).
"""

import atexit
import os
import shutil
import signal
import tempfile

# A shell lets what it starts in the background ignore Ctrl-C, which some tests press.
signal.signal(signal.SIGINT, signal.default_int_handler)

PLATFORM = os.environ.get("SSL_JAX_TEST_PLATFORM", "cpu")
os.environ["JAX_PLATFORMS"] = PLATFORM
if PLATFORM == "cpu":
    os.environ["JAX_NUM_CPU_DEVICES"] = "8"
    # Eight devices share two cores: a collective may wait long for the slowest of them.
    os.environ["XLA_FLAGS"] = (
        os.environ.get("XLA_FLAGS", "")
        # Tests mostly compile, and run what they compiled once or twice.
        + " --xla_backend_optimization_level=0"
        + " --xla_cpu_collective_call_warn_stuck_timeout_seconds=300"
        + " --xla_cpu_collective_call_terminate_timeout_seconds=600"
        + " --xla_cpu_collective_timeout_seconds=600"
    )

    if "JAX_COMPILATION_CACHE_DIR" not in os.environ:
        # Several tests, and the processes that they start, run the same programs.
        cache = tempfile.mkdtemp(prefix="ssl_jax-compiled-")
        os.environ["JAX_COMPILATION_CACHE_DIR"] = cache
        os.environ["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0.5"
        os.environ["JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES"] = "-1"
        atexit.register(shutil.rmtree, cache, ignore_errors=True)

import jax  # noqa: E402
import pytest  # noqa: E402

jax.config.update("jax_numpy_rank_promotion", "raise")
if PLATFORM != "cpu":
    # What tests compare are functions, not the rounding of an accelerator's products.
    jax.config.update("jax_default_matmul_precision", "highest")


@pytest.fixture(autouse=True)
def signal_handlers():
    """Those of pytest again after each test: a command that has ended leaves the system's."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)
