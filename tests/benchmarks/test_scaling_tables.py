"""The tables of docs/scaling.md are those of the files that the benchmarks have written."""

import json
from pathlib import Path

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
TEXT = (ROOT / "docs" / "scaling.md").read_text()


def test_predicted_memory_is_that_of_the_file_and_near_the_compiled_one():
    configs = json.loads((RESULTS / "predicted_memory_cpu.json").read_text())["configs"]
    near = 0
    for name, found in configs.items():
        error = found["predicted"] / found["compiled"] - 1
        near += abs(error) <= 0.15
        row = f"| `{name}` | {found['batch']} | {found['predicted']:,.0f} | "
        assert f"{row}{found['compiled']:,.0f} | {100 * error:+.1f} % |" in TEXT
    assert near >= 8


def test_times_and_memory_of_the_evaluation_are_those_of_the_file():
    found = json.loads((RESULTS / "evaluation_cpu.json").read_text())
    for name, case in found["cases"].items():
        row = f"| {name} | {case['seconds']:.1f} | {case['mib']:,.0f} | "
        assert row in TEXT, name
    for size in found["imagenet_mib_of_a_device"].values():
        assert size < 2048 and f"{size:,.0f} MiB" in TEXT
