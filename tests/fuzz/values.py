"""Every key of every configuration with hostile values, through what a command does before it
builds anything: parse, defaults, judge.

    python -m tests.fuzz.values [FILE.json [VARIANT]]    # make test-fuzz: all of it, counts as JSON
"""

import collections
import itertools
import json
import math
import pathlib
import sys
import traceback

from ml_collections import ConfigDict

from ssl_jax.command_line import config_files, config_flags
from ssl_jax.errors import UserError
from ssl_jax.names.dotted import dotted
from ssl_jax.setup.problems import Facts, problems
from tests.fuzz.sense import kind_of, sensible

# As a file or a Python program can set them.
HOSTILE = (
    math.nan,
    math.inf,
    -math.inf,
    -1,
    -0.5,
    0,
    1.5,
    1e300,
    10**9,
    2**32,
    2**63,
    10**400,
    "",
    "nonsense",
    "1",
    "\x1b[2J\n",
    None,
    True,
    (),
    [],
    (1, 2, 3),
    (0.9, 0.1),
    (0.5, 0.5),
    (math.nan, math.nan),
    ("a", None),
    {"a": 1},
    b"bytes",
    5000,
    1000003,
)
# For variants other than the first one of a configuration, whose keys differ in few ways.
TWELVE = (
    *(math.nan, math.inf, -1, 0, 1e300, 2**63, "nonsense", None, True, (), (1, 2, 3)),
    1000003,
)
# As they can be written on a command line.
TEXTS = (
    *("nan", "inf", "-inf", "-1", "0", "1.5", "1e300", "1000000000", "4294967296", "", "None"),
    *("9223372036854775808", "nonsense", "true", "()", "(1,2,3)", "(0.9,0.1)", "(nan,)", "'"),
    *("[", "__import__('os')", "\x1b[2J", "\udcff", "5000", "1000003"),
)
DIGITS = Facts(size=1222, channels=1, classes=10, labelled=True, held=True)


class Outcome(collections.namedtuple("Outcome", "kind key value detail")):
    """What came of a value: "refused", "taken", "nonsense" or "traceback"."""


def variants():
    """All configurations as (name, variant)."""
    names = config_files.names()
    return [(name, variant) for name in names for variant in config_files.variants(name)]


def keys(name, variant):
    """The dotted keys of a configuration."""
    return list(dotted(config_files.module(name).get_config(variant)))


def cases(name, variant):
    """All (key, value) of a configuration."""
    first = variant == config_files.variants(name)[0]
    return itertools.product(keys(name, variant), HOSTILE if first else TWELVE)


def with_value(name, variant, key, value):
    """The configuration with a value that its type check would not let pass."""
    config = config_files.module(name).get_config(variant)
    *sections, last = key.split(".")
    inner = config
    for section in sections:
        inner = inner[section]
    with inner.unlocked():
        del inner[last]
        inner[last] = ConfigDict(value) if isinstance(value, dict) else value
    return config


def judged(config, key, value):
    """The outcome of a configuration in which `key` is `value`."""
    try:
        found = problems(config, DIGITS)
        lines = [f"{problem} {problem.remedy}" for problem in found]
        if broken := [line for line in lines if not line.isprintable() or len(line) > 1000]:
            return Outcome("traceback", key, value, f"not one line: {broken[0]!r}")
        fatal = [problem for problem in found if problem.level == "fatal"]
    except Exception:
        return Outcome("traceback", key, value, traceback.format_exc())
    if fatal:
        return Outcome("refused", key, value, str(fatal[0]))
    kind = "taken" if sensible(key, value) else "nonsense"
    return Outcome(kind, key, value, "")


def set_in_python(name, variant, key, value):
    """The outcome of a value that a configuration file sets."""
    return judged(with_value(name, variant, key, value), key, value)


def set_by_flag(name, variant, key, text):
    """The outcome of a value on the command line."""
    argv = ["x", f"--config={name}:{variant}", f"--config.{key}={text}"]
    try:
        config = config_flags.parse(argv).config
    except UserError as error:
        one_line = str(error).isprintable() and len(str(error)) < 1000
        kind = "refused" if one_line else "traceback"
        return Outcome(kind, key, text, str(error))
    except Exception:
        return Outcome("traceback", key, text, traceback.format_exc())
    value = config
    for part in key.split("."):
        value = value[part]
    return judged(config, key, value)


def main(argv):
    """Runs all of it, or one variant of each configuration; prints and writes the counts."""
    file, only = [*argv[1:], "", ""][:2]
    places = [place for place in variants() if only in ("", place[1])]
    counts, failures, parsed = collections.Counter(), [], set()
    for place in places:
        outcomes = [set_in_python(*place, key, value) for key, value in cases(*place)]
        # Flags differ in their parsing only, which is the same for a key in all configurations.
        new = [key for key in keys(*place) if kind_of(key) not in parsed]
        parsed.update(map(kind_of, new))
        outcomes += [set_by_flag(*place, key, text) for key in new for text in TEXTS]
        counts.update(outcome.kind for outcome in outcomes)
        for outcome in outcomes:
            if outcome.kind in ("nonsense", "traceback"):
                line = f"{':'.join(place)} {outcome.key}={outcome.value!a}: {outcome.kind}"
                failures.append(line)
                print(line, outcome.detail, sep="\n")
    report = {
        "command": "python -m tests.fuzz.values FILE" + f" {only}" * bool(only),
        "variants": len(places),
        "keys": sum(len(keys(*place)) for place in places),
        "keys_in_flags": len(parsed),
        "values": {"first variant": len(HOSTILE), "others": len(TWELVE), "flags": len(TEXTS)},
        "cases": sum(counts.values()),
        **{kind: counts[kind] for kind in ("refused", "taken", "nonsense", "traceback")},
        "failures": failures,
    }
    text = json.dumps(report, indent=2)
    print(text)
    if file:
        pathlib.Path(file).write_text(text + "\n")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv))
