"""Whether a claim of a paper held, against differences made by hand."""

from pathlib import Path

import pytest

from experiments.claims import CLAIMS
from experiments.engine import catalogue
from experiments.engine.claims import NOT_MEASURED, Claim, page, published, verdict
from experiments.engine.store import Store
from tests.experiments.made import row, store_of, table

DOCS = Path(__file__).parents[2] / "docs"
CLAIM = Claim("A is ahead of B", "made/up", "A")
MADE = table(
    row("A", 1.0, against="B", published={"linear": 60.5, "kNN": 40}),
    row("B", 2.0, published={"linear": 50.25, "kNN": 44.0}),
    row("C", 3.0, published={"linear": 61.0}),
)


def results(*linear, other=0.5):
    """Of A by seed; B has the same in all."""
    found = {("A", seed): {"linear": share} for seed, share in enumerate(linear)}
    return found | {("B", seed): {"linear": other} for seed in range(len(linear))}


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ((0.52, 0.53, 0.54), "held: +3.00 [+2.00, +4.00]"),
        ((0.46, 0.47, 0.48), "did not hold: -3.00 [-4.00, -2.00]"),
        ((0.47, 0.50, 0.54), "undecided: +0.33 [-3.00, +4.00]"),
        ((0.60,), NOT_MEASURED),
        ((), NOT_MEASURED),
    ],
)
def test_a_claim_holds_if_the_interval_of_the_difference_is_above_zero(shares, expected, tmp_path):
    store = store_of(tmp_path, MADE, results(*shares))
    assert verdict(CLAIM, MADE, "smoke", store) == expected


def test_the_published_difference_is_that_of_the_two_rows():
    assert published(CLAIM, MADE) == "+10.25"
    assert published(CLAIM._replace(than="C"), MADE) == "-0.50"
    assert published(CLAIM._replace(column="kNN"), MADE) == "-4.00"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.text)
def test_a_claim_is_what_the_paper_found(claim):
    assert float(published(claim, catalogue.table(claim.table))) > 0


def test_the_document_is_what_the_results_say():
    assert page(CLAIMS, Store()) in (DOCS / "reproduction.md").read_text()
