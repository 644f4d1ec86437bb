"""A made-up table as Markdown, against what its results are."""

import math

import pytest

from experiments.engine.render import figure, markdown, measured, state, value_of
from experiments.engine.store import Store
from experiments.engine.table import Column
from tests.experiments.made import KNN, LINEAR, row, store_of, table

BASE = row("base", 1.0, published={"linear": 50.25, "kNN": None})
BETTER = row("better", 2.0, against="base", published={"linear": 60.5, "kNN": 40})
SAME = row("same", 3.0, against="base")
ABSENT = row("absent", 4.0, against="base", published={"kNN": 12.5})
LINEARS = {
    "base": (0.50, 0.52, 0.54),
    "better": (0.55, 0.60, 0.58),
    "same": (0.49, 0.54, 0.53),
}
RESULTS = {
    (name, seed): {"linear": linear, "knn": 0.25}
    for name, values in LINEARS.items()
    for seed, linear in enumerate(values)
}


@pytest.fixture
def made():
    return table(BASE, BETTER, SAME, ABSENT, readings=("the paper is silent on this",))


@pytest.fixture
def store(made, tmp_path):
    return store_of(tmp_path, made, RESULTS)


def cells(text):
    """The table of a page: by the first cell of a line, its others."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    assert len({len(row) for row in rows}) == 1
    return {name: others for name, *others in rows}


def test_a_row_has_published_numbers_means_deviations_and_seeds(made, store):
    found = cells(markdown(made, "smoke", store))
    assert found["row"] == [
        "linear, published",
        "linear, here",
        "difference",
        "kNN, published",
        "kNN, here",
        "difference",
        "seeds",
    ]
    assert found["base"] == ["50.25", "52.00 ± 2.00", "", "", "25.00 ± 0.00", "", "3"]
    deviation = math.sqrt((2.667**2 + 2.333**2 + 0.333**2) / 2)
    assert found["better"][:2] == ["60.5", f"57.67 ± {deviation:.2f}"]
    assert found["better"][3] == "40"


def test_a_difference_has_its_interval_and_a_mark_where_that_holds_zero(made, store):
    found = cells(markdown(made, "smoke", store))
    # Of three seeds the interval is from the least to the largest difference.
    assert found["better"][2] == "+5.67 [+4.00, +8.00]"
    assert found["same"][2] == "~ +0.00 [-1.00, +2.00]"
    assert found["better"][5] == "~ +0.00 [+0.00, +0.00]"


def test_a_row_without_results_was_not_run(made, store, tmp_path):
    found = cells(markdown(made, "smoke", store))
    assert found["absent"] == ["", "", "", "12.5", "", "", "not run"]
    nothing = cells(markdown(made, "smoke", Store(tmp_path / "empty")))
    assert {row[-1] for name, row in nothing.items() if name in LINEARS} == {"not run"}


def test_one_seed_has_neither_deviation_nor_difference(made, tmp_path):
    one = {key: shares for key, shares in RESULTS.items() if key[1] == 1}
    found = cells(markdown(made, "smoke", store_of(tmp_path, made, one)))
    assert found["better"] == ["60.5", "60.00", "", "40", "25.00", "", "1"]


def test_only_seeds_that_both_rows_have_make_a_difference(made, tmp_path):
    results = {("base", 0): {"linear": 0.5}, ("base", 1): {"linear": 0.5}}
    results |= {("better", seed): {"linear": 0.5 + 0.01 * seed} for seed in (0, 1, 2)}
    found = cells(markdown(made, "smoke", store_of(tmp_path, made, results)))
    assert found["better"][2] == "~ +0.50 [+0.00, +1.00]" and found["better"][-1] == "3"


def test_a_row_whose_compared_row_was_not_run_has_no_difference(made, tmp_path):
    results = {key: shares for key, shares in RESULTS.items() if key[0] == "better"}
    found = cells(markdown(made, "smoke", store_of(tmp_path, made, results)))
    assert found["better"][2] == ""


def test_it_is_said_what_the_table_is_and_what_its_numbers_were_made_with(made, store):
    text = markdown(made, "smoke", store)
    assert text.startswith("**Made-up, Table 1**: what was made up")
    assert "Scale `smoke`: 64 of scikit-learn's digits" in text
    assert "Differences are to: base;" in text
    assert "Reading: the paper is silent on this" in text
    assert "Made on 1 x abacus with 0123456789ab." in text


def test_it_is_said_which_protocol_took_the_place_of_another(made, store):
    smoke = markdown(made, "smoke", store)
    assert "linear: `ridge` in place of `multi_network`; kNN: `knn`." in smoke
    paper = markdown(made, "paper", store)
    assert "linear: `multi_network`; kNN: `knn`." in paper and "in place of" not in paper


def test_results_of_one_scale_are_not_those_of_another(made, store):
    found = cells(markdown(made, "paper", store))
    assert {row[-1] for name, row in found.items() if name in LINEARS} == {"not run"}


def test_a_row_that_lacks_a_protocol_is_not_shown_before_it_has_it(made, tmp_path):
    geometry = Column("uniformity", "geometry", "uniformity", percent=False)
    wide = made._replace(columns=(*made.columns, geometry))
    store = store_of(tmp_path, wide, {("base", 0): {}})
    assert cells(markdown(wide, "smoke", store))["base"][-1] == "not run"
    evaluations = {"geometry": {"uniformity": -1.5}}
    store = store_of(tmp_path, wide, {("base", 0): {"evaluations": evaluations}})
    assert cells(markdown(wide, "smoke", store))["base"] == [
        *("50.25", "50.00", "", "", "25.00", "", "-1.50", "", "1")
    ]


TRAINED = {"linear_top1": 0.5, "linear_top5": 0.9, "knn_top1": 0.25, "knn_top5": 0.75}


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (LINEAR, 0.5),
        (KNN, 0.25),
        (Column("top-5", "multi_network", "top5"), 0.9),
        # The final evaluation has no such vote.
        (Column("5-NN", "knn", "euclidean5_top1"), None),
    ],
)
def test_the_final_evaluation_gives_the_metric_of_a_column_or_nothing(column, value):
    result = {"evaluation": {"trained": TRAINED}, "evaluations": {}}
    assert value_of(result, column, "smoke") == value


def test_a_run_is_finished_when_it_has_the_metric_of_every_column(tmp_path):
    made = table(row("base"), columns=(Column("5-NN", "knn", "euclidean5_top1"),), seeds=(0,))
    assert state(made, "smoke", store_of(tmp_path, made, {("base", 0): {}})) == "0/1"
    evaluations = {"knn": {"top1": 0.25, "euclidean5_top1": 0.375}}
    store = store_of(tmp_path, made, {("base", 0): {"evaluations": evaluations}})
    assert state(made, "smoke", store) == "1/1"
    assert cells(markdown(made, "smoke", store))["base"] == ["37.50", "1"]


def test_an_evaluation_by_the_protocol_comes_before_the_final_one():
    evaluations = {"ridge": {"top1": 0.625, "top5": 0.875}}
    result = {"evaluation": {"trained": TRAINED}, "evaluations": evaluations}
    assert value_of(result, LINEAR, "smoke") == 0.625
    assert value_of(result, Column("top-5", "multi_network", "top5"), "smoke") == 0.875
    # At `paper` ridge regression is in nobody's place.
    assert value_of(result, LINEAR, "paper") is None


def test_what_is_to_beat_is_said_of_the_first_row_that_was_run(tmp_path):
    shares = {"trained": {"linear_top1": 0.5, "knn_top1": 0.5}, "pixels": {"linear_top1": 0.375}}
    untrained = {"untrained": {"linear_top1": 0.25, "knn_top1": 0.125}}
    results = {("second", 0): {"evaluation": shares | untrained}}
    made = table(row("first", 1.0), row("second", 2.0), seeds=(0,))
    lines = markdown(made, "smoke", store_of(tmp_path, made, results)).splitlines()
    assert [line for line in lines if line.startswith("To beat")] == [
        "To beat: linear 25.00, kNN 12.50 of the untrained encoder (second).",
        "To beat: linear 37.50 of raw pixels (second).",
    ]


def test_a_column_that_a_scale_leaves_out_is_named_below_and_has_no_numbers(tmp_path):
    column = Column("mAP", "svm", "map", data="voc07")
    made = table(row("A", 1.0), columns=(column,), seeds=(0,))
    assert "mAP: not at this scale; `svm on voc07`" in markdown(made, "small", Store(tmp_path))
    text = markdown(made, "smoke", Store(tmp_path))
    assert "mAP: `svm on digits` in place of `svm on voc07`" in text


def test_a_curve_gives_what_was_logged_first_and_last():
    curve = [{"loss": 5.0, "epoch": 1.0}, {"loss": 4.0}, {"loss": 3.0, "knn_top1": 0.5}]
    result = {"evaluation": None, "evaluations": {}, "curve": curve}
    metrics = {"first_loss": 5.0, "last_loss": 3.0, "last_knn_top1": 0.5, "first_knn_top1": None}
    for metric, value in metrics.items():
        assert value_of(result, Column("a title", "curve", metric), "smoke") == value
    assert (
        value_of({**result, "curve": []}, Column("a title", "curve", "last_loss"), "smoke") is None
    )


def test_a_column_that_only_other_programs_measure_has_published_numbers_only(made, tmp_path):
    elsewhere = table(
        row("base", 1.0, published={"box AP": 39.5}), columns=(KNN, Column("box AP", ""))
    )
    store = store_of(tmp_path, elsewhere, {("base", 0): {}})
    text = markdown(elsewhere, "smoke", store)
    assert cells(text)["row"] == ["kNN, here", "box AP, published", "seeds"]
    assert cells(text)["base"] == ["25.00", "39.5", "1"]
    assert "Protocols: kNN: `knn`." in text
    assert state(elsewhere, "smoke", store) == "1/3"


def test_a_study_without_published_numbers_has_no_column_for_them(tmp_path):
    study = table(row("base", 1.0), row("other", 2.0, against="base"), columns=(LINEAR,))
    results = {("base", 0): {"linear": 0.5}, ("other", 0): {"linear": 0.6}}
    found = cells(markdown(study, "smoke", store_of(tmp_path, study, results)))
    assert found["row"] == ["linear, here", "difference", "seeds"]
    assert found["other"] == ["60.00", "", "1"]


def test_a_row_that_is_not_run_at_a_scale_says_so_there(made, store):
    here = made._replace(rows=(BASE, BETTER._replace(scales=("paper",))))
    assert cells(markdown(here, "smoke", store))["better"][-1] == "not at this scale"
    assert cells(markdown(here, "paper", store))["better"][-1] == "not run"
    assert state(here, "smoke", store) == "3/3" and state(here, "paper", store) == "0/6"


def test_results_are_found_by_row_and_seed(made, store):
    found = {row.row.name: sorted(row.results) for row in measured(made, "smoke", store)}
    assert found == {"base": [0, 1, 2], "better": [0, 1, 2], "same": [0, 1, 2], "absent": []}


def test_rows_of_the_same_settings_share_their_results(tmp_path):
    made = table(row("one", 2.0), row("the same", 2.0))
    found = measured(made, "smoke", store_of(tmp_path, made, {("one", 0): {}}))
    assert [sorted(row.results) for row in found] == [[0], [0]]


def test_the_state_counts_finished_runs(made, store):
    assert state(made, "smoke", store) == "9/12"
    assert state(made, "paper", store) == "0/12"


def test_a_figure_has_every_row_and_column(made, store, tmp_path):
    figure(made, "smoke", store, tmp_path / "figure.png")
    assert (tmp_path / "figure.png").read_bytes().startswith(b"\x89PNG")
