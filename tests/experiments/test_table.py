"""Rows of a table as configurations, and the runs of a table."""

import pytest
from ssl_jax.configs import multi_network

from experiments.engine import scales
from experiments.engine.runs import missing, runs_of
from experiments.engine.table import Column, Row
from ssl_jax.errors import UserError
from tests.experiments.made import KNN, LINEAR, result, row, table

ROWS = ("first", "second", "third")


@pytest.fixture
def made():
    return table(*(row(name, 1.0 + place) for place, name in enumerate(ROWS)))


def resolve(one, scale="smoke", **data):
    return scales.resolve(one, scale, seed=3, data=data)


def test_changes_hold_at_every_scale_and_those_of_a_scale_come_after_them():
    at = {"paper": {"epochs": 7}, "small": {"epochs": 5, "method.k": 1}}
    one = Row("one", "multi_network", changes={"method.k": 3, "batch_size": 32}, at=at)
    found = {scale: resolve(one, scale) for scale in scales.SCALES}
    assert {scale: config.method.k for scale, config in found.items()} == {
        "smoke": 3,
        "digits": 3,
        "small": 1,
        "gpu": 3,
        "paper": 3,
    }
    epochs = [config.epochs for config in found.values()]
    assert epochs == [1, 40, 5, 200, 7]
    assert all(config.batch_size == 32 and config.seed == 3 for config in found.values())


def test_a_scale_starts_from_its_own_variant():
    one = Row("one", "multi_network", paper="tiny_imagenet", gpu="cifar100")
    assert resolve(one).data.name == "digits"
    names = [resolve(one, scale).data.name for scale in ("small", "gpu", "paper")]
    assert names == ["cifar10", "cifar100", "tiny_imagenet"]
    assert resolve(one, "paper").method == multi_network.get_config("tiny_imagenet").method
    assert resolve(one, "small").method == multi_network.get_config().method


def test_an_accelerator_trains_no_longer_than_a_day():
    assert resolve(Row("long", "byol"), "paper").epochs == 1000
    assert resolve(Row("long", "byol"), "gpu").epochs == scales.GPU_EPOCHS


def test_resolving_a_row_twice_gives_the_same():
    one = row("one", 3.0)
    assert resolve(one) == resolve(one)


@pytest.mark.parametrize("key", ["epoch", "optimizer.rate", "nowhere.epochs", "data.method.k"])
def test_a_change_of_what_does_not_exist_is_refused(key):
    with pytest.raises(KeyError):
        resolve(Row("one", "multi_network", changes={key: 1}))


def test_an_option_of_the_method_may_be_new():
    one = Row("one", "byol", changes={"method.bias_corrected": True})
    assert resolve(one).method.bias_corrected is True


def test_images_lie_where_the_data_set_of_their_name_lies():
    where = {"": "/all", "cifar100": "/hundred"}
    paths = [
        scales.resolve(Row("one", "byol", paper=name), "paper", seed=0, data=where).data.path
        for name in ("cifar10", "cifar100")
    ]
    assert paths == ["/all", "/hundred"]
    assert resolve(row("digits"), **{"": "/all"}).data.path == ""


def test_a_table_knows_its_rows(made):
    assert made.row("second") is made.rows[1]
    with pytest.raises(KeyError):
        made.row("fourth")


def test_the_first_seed_of_all_rows_comes_first(made):
    runs = runs_of(made._replace(seeds=(4, 2)), "smoke")
    order = [(run.row.name, run.seed) for run in runs]
    assert order == [(name, seed) for seed in (4, 2) for name in ROWS]
    assert all(run.config.seed == run.seed for run in runs)
    assert [run.config.method.coefficient for run in runs[:3]] == [1.0, 2.0, 3.0]


def test_rows_and_seeds_can_be_chosen(made):
    runs = runs_of(made, "smoke", rows=["third", "first"], seeds=[9])
    assert [(run.row.name, run.seed) for run in runs] == [("first", 9), ("third", 9)]


def test_an_unknown_row_lists_what_exists(made):
    with pytest.raises(UserError) as caught:
        runs_of(made, "smoke", rows=["first", "fourth"])
    assert "'fourth'" in str(caught.value) and "first, second, third" in str(caught.value)


def test_a_protocol_that_a_scale_has_no_time_for_gives_its_place_to_another(made):
    other = Column("top-5", "multi_network", "top5")
    rows = [one._replace(scales=tuple(scales.SCALES)) for one in made.rows]
    made = made._replace(columns=(LINEAR, other, KNN), rows=rows)
    wanted = {scale: missing(runs_of(made, scale)[0], None) for scale in scales.SCALES}
    assert wanted["smoke"] == wanted["digits"] == wanted["small"] == ["ridge", "knn"]
    assert wanted["gpu"] == wanted["paper"] == ["multi_network", "knn"]


def test_of_a_run_that_was_not_trained_every_protocol_is_missing(made):
    run = runs_of(made, "paper")[0]
    assert missing(run, None) == ["multi_network", "knn"]


def test_of_a_finished_run_what_it_was_not_evaluated_by_is_missing(made):
    run = runs_of(made, "paper")[0]
    assert missing(run, result(run)) == ["multi_network"]
    assert missing(run, result(run, evaluations={"multi_network": {"top1": 0.5}})) == []
    assert missing(run, result(run, evaluation=None)) == ["multi_network", "knn"]


@pytest.mark.parametrize("protocol", ["curve", ""])
def test_what_is_logged_or_measured_elsewhere_is_no_protocol_to_evaluate_by(made, protocol):
    columns = (LINEAR, Column("another", protocol, "last_loss"))
    for scale, name in (("smoke", "ridge"), ("paper", "multi_network")):
        assert missing(runs_of(made._replace(columns=columns), scale)[0], None) == [name]


def test_a_row_says_at_which_scales_it_is_run(made):
    first, *others = made.rows
    made = made._replace(rows=(first._replace(scales=("gpu", "paper")), *others))
    for scale, count in (("smoke", 2), ("small", 2), ("gpu", 3), ("paper", 3)):
        names = [run.row.name for run in runs_of(made, scale, seeds=[0])]
        assert names == list(ROWS[-count:])


def test_of_a_table_without_columns_nothing_is_missing_but_the_run(made):
    run = runs_of(made._replace(columns=()), "paper")[0]
    assert missing(run, None) == missing(run, result(run)) == []
