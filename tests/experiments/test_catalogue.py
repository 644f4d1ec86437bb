"""Every table that is declared can be run as declared, at every scale."""

import pytest

from experiments.engine import catalogue, scales
from ssl_jax.command_line import config_files
from ssl_jax.errors import UserError
from ssl_jax.evaluation.protocol_names import PROTOCOLS
from ssl_jax.setup.problems import Facts, problems

# What is read off the log of a run, and what only other programs measure.
NOT_EVALUATED = ("curve", "")
SIZES = {"digits": 1_437, "stl10": 100_000, "tiny_imagenet": 100_000, "folder": 1_281_167}


@pytest.fixture(params=catalogue.names())
def table(request):
    return catalogue.table(request.param)


def facts_of(config):
    """What opening the images of a configuration would tell."""
    size = config.data.limit or SIZES.get(config.data.name, 50_000)
    return Facts(size=size, channels=1 if config.data.name == "digits" else 3)


@pytest.mark.parametrize("scale", scales.SCALES)
def test_nothing_fatal_is_found_in_a_row(table, scale):
    for row in [row for row in table.rows if scale in row.scales]:
        config = scales.resolve(row, scale, seed=0, data={"": "/images"})
        found = problems(config, facts_of(config))
        fatal = [str(problem) for problem in found if problem.level == "fatal"]
        assert not fatal, row.name


def test_a_row_is_known_by_a_name_that_the_command_can_choose(table):
    names = [row.name for row in table.rows]
    assert len(set(names)) == len(names) > 0
    # `--rows` separates names by commas.
    assert all(name == name.strip() != "" and "," not in name for name in names)


def test_a_row_is_compared_with_another_row(table):
    names = {row.name for row in table.rows}
    for row in table.rows:
        assert row.against in (names | {""}) - {row.name}, row.name


def test_a_number_is_published_in_a_column(table):
    titles = [column.title for column in table.columns]
    assert len(set(titles)) == len(titles)
    for row in table.rows:
        assert set(row.published) <= set(titles), row.name
        for number in row.published.values():
            assert number is None or isinstance(number, int | float)


def test_configs_variants_scales_and_protocols_exist(table):
    for row in table.rows:
        assert {row.paper, row.gpu} <= set(config_files.variants(row.config)), row.name
        assert set(row.at) | set(row.scales) <= set(scales.SCALES), row.name
    for column in table.columns:
        assert column.protocol in NOT_EVALUATED or column.protocol in PROTOCOLS
        assert 0 < column.at <= 1 and (not column.data or column.protocol in PROTOCOLS)


def test_a_column_after_a_share_of_the_epochs_is_at_the_end_of_an_epoch(table):
    shares = {column.at for column in table.columns if column.at < 1}
    for scale in scales.SCALES if shares else ():
        for row in [row for row in table.rows if scale in row.scales]:
            epochs = scales.resolve(row, scale, seed=0, data={"": "/images"}).epochs
            found = [share * epochs for share in shares]
            assert all(abs(epoch - round(epoch)) < 1e-9 and epoch >= 1 for epoch in found)


def test_a_table_says_what_it_is(table):
    assert table.source and table.about and "\n" not in table.about
    assert all("\n" not in reading for reading in table.readings)
    assert len(set(table.seeds)) == len(table.seeds) > 0


def test_an_unknown_table_lists_what_exists():
    with pytest.raises(UserError) as caught:
        catalogue.table("multi_network/tabel1")
    message = str(caught.value)
    assert "did you mean multi_network/table1?" in message and "\n" not in message
    assert all(name in message for name in catalogue.names())


def test_tables_are_in_the_order_of_their_papers_and_numbers(tmp_path, monkeypatch):
    for name in ("msbreg/table10", "msbreg/table2", "msbreg/figure3", "ba_ssl/table3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / f"{name}.py").touch()
    (tmp_path / "msbreg" / "__init__.py").touch()
    monkeypatch.setattr(catalogue, "FOLDER", tmp_path)
    expected = ["ba_ssl/table3", "msbreg/figure3", "msbreg/table2", "msbreg/table10"]
    assert catalogue.names() == expected


def test_imagenet_100_is_not_taken_for_imagenet():
    rows = [
        row
        for name in ("ba_ssl/table1", "ba_ssl/table2", "ba_ssl/table3", "msbreg/table1")
        for row in catalogue.table(name).rows
    ]
    for row in rows:
        config = scales.resolve(row, "paper", seed=0, data={"": "/images"})
        assert bool(config.data.classes) == row.paper.startswith("imagenet100"), row.name
