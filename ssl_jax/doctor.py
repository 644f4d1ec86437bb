"""python -m ssl_jax.doctor --config=FILE[:VARIANT] [--config.KEY=VALUE]

Says what is wrong with a configuration, and what to do, before hours go into training it: reads
the data set, compiles the train step to predict its memory, trains nothing. Exits with 1 where
something is fatal.
"""

import os
import sys
from collections.abc import Sequence
from typing import Any

import jax
from clu.parameter_overview import count_parameters

from ssl_jax.benchmark import random_images
from ssl_jax.command_line import config_flags
from ssl_jax.data.dataset import Splits
from ssl_jax.errors import UserError
from ssl_jax.setup import checks, ranges
from ssl_jax.setup.build import Run, build, load_splits
from ssl_jax.setup.checks import Facts, Finding
from ssl_jax.types import Config

GIB = 1024.0**3


def main(argv: Sequence[str]) -> None:
    """Flags: --config=FILE[:VARIANT]  --config.KEY=VALUE"""
    config = config_flags.parse(argv).config
    recipe = config_flags.parse([argv[0], f"--config={config_flags.named(argv)}"]).config
    config_flags.join_cluster()
    findings, figures = diagnose(config, recipe)
    levels = [finding.level for finding in findings]
    if jax.process_index() == 0:
        for finding in findings:
            print(f"{finding.level}: {finding.what}")
            if finding.remedy:
                print(f"    {finding.remedy}")
        for name, value in figures.items():
            print(f"{name:20}{value}")
        print(f"{levels.count('fatal')} fatal, {levels.count('warning')} warnings")
    if "fatal" in levels:
        sys.exit(1)


def diagnose(config: Config, recipe: Config) -> tuple[list[Finding], dict[str, str]]:
    """What is wrong with `config`, the worst first, and what a run of it will be.

    recipe: the configuration without what the command line changed.
    """
    try:
        ranges.check(config)
    except UserError as error:
        return [Finding("fatal", str(error), "mend this first; the other checks need it")], {}
    findings, splits = [], None
    facts = Facts(devices=len(jax.devices()), recipe=recipe)
    try:
        splits = load_splits(config)
        facts = checks.facts_of(splits, devices=facts.devices, recipe=recipe)
    except UserError as error:
        findings.append(
            Finding("fatal", str(error), "mend config.data; the rest is checked without the images")
        )
    findings += checks.examine(config, facts)
    run = _try_to_build(config, splits, findings)
    if run is None or any(finding.level == "fatal" for finding in findings):
        return checks.worst_first(findings), {}
    needed, limit = predicted_memory(run), device_memory()
    if limit is not None:
        findings += checks.memory(needed, limit)
    return checks.worst_first(findings), _figures(run, needed, limit)


def _try_to_build(config: Config, splits: Splits | None, findings: list[Finding]) -> Run | None:
    """The run, of random images if there are no others; or None and, if it is new, a finding."""
    try:
        return build(config, random_images(config, batches=1) if splits is None else splits)
    except UserError as error:
        if str(error) not in (finding.what for finding in findings):
            findings.append(Finding("fatal", str(error)))
        return None


def predicted_memory(run: Run) -> float:
    """Bytes that the train step needs on each device, as compiled: minutes for large networks."""
    print("compiling the train step to predict its memory ...", flush=True)
    try:
        memory: Any = run.lower().compile().memory_analysis()
    finally:
        run.source().close()
    return float(
        memory.argument_size_in_bytes
        + memory.temp_size_in_bytes
        + memory.output_size_in_bytes
        - memory.alias_size_in_bytes
    )


def device_memory() -> float | None:
    """Bytes that a device may use; None where it does not say. CPU devices share the machine's."""
    if jax.default_backend() == "cpu":
        machine = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return machine / jax.local_device_count()
    limit = (jax.local_devices()[0].memory_stats() or {}).get("bytes_limit")
    return None if limit is None else float(limit)


def _figures(run: Run, needed: float, limit: float | None) -> dict[str, str]:
    """What a run will be, by name, as text."""
    plan = run.plan
    share = "" if limit is None else f" of {limit / GIB:.2f} GiB a device, {needed / limit:.0%}"
    return {
        "predicted memory": f"{needed / GIB:.2f} GiB{share}",
        "parameters": f"{count_parameters(jax.eval_shape(run.init).params):,}",
        "steps": f"{plan.steps:,}, {plan.steps_per_epoch:,} an epoch",
        "images seen": f"{plan.steps * plan.batch_size:,}",
    }


if __name__ == "__main__":
    config_flags.run(main)
