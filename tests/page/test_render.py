"""The page of made-up runs: what it contains, and that names on it are inert."""

import base64
import hashlib
import re

import numpy as np
import pytest

from ssl_jax.page.render import render
from tests.page.made_runs import feature_view, run_files, run_view
from tests.page.reading import read

VERSIONS = {"jax": "1.2.3"}
EVIL = ("<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "</script>\u2028&\udcff\0")


def page(*runs):
    return read(render(runs, VERSIONS))


def section(root, key):
    return root.one("section", id=key)


def test_names_are_text_everywhere():
    evil = run_files(
        EVIL[0],
        config={
            "method": {"name": EVIL[1], EVIL[0]: EVIL[2]},
            "data": {"name": EVIL[0]},
            "penalty": {EVIL[1]: 1.0},
        },
        metrics=({"step": 1.0, "epoch": 1.0, "loss": 1.0, EVIL[0]: 2.0},),
        result={
            "steps": 3,
            "device": EVIL[1],
            "digest": EVIL[0],
            "evaluation": {"trained": {"knn_top1": 0.5}, "protocol": {EVIL[0]: EVIL[1]}},
        },
        evaluations=(
            {"protocol": EVIL[0], "data": EVIL[1], "top1": 0.1, EVIL[2]: 1, "seeds": [EVIL[0]]},
        ),
    )
    runs = [
        run_view(files=evil, features=feature_view(EVIL), warnings=EVIL, notes=EVIL),
        run_view("second"),
    ]
    text = render(runs, {EVIL[0]: EVIL[1]})
    text.encode("ascii")
    root = read(text)
    assert [s.attributes for s in root.all("script")] == [{}]  # the page's own
    assert "alert" not in root.one("script").text()
    assert all(i.attributes["src"].startswith("data:image/") for i in root.all("img"))
    everything = list(root.all("img")) + list(root.all("circle")) + list(root.all("td"))
    assert not any(name.startswith("on") for e in everything for name in e.attributes)
    shown = root.one("body").text()
    assert EVIL[0] in shown and EVIL[1] in shown


def test_the_policy_allows_this_script_and_style_and_nothing_else():
    root = page(run_view())
    policy = root.one("meta", **{"http-equiv": "Content-Security-Policy"}).attributes["content"]
    for name in ("script", "style"):
        digest = hashlib.sha256(root.one(name).text().encode()).digest()
        assert f"{name}-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert policy.startswith("default-src 'none'; img-src data:;") and "unsafe" not in policy
    # The policy would block these.
    text = render([run_view()], VERSIONS)
    assert not re.search(r"<[^>]* style=|url\(|@import|https?://", text)


def test_every_section_has_a_link_and_a_heading():
    root = page(run_view())
    keys = [s.attributes["id"] for s in root.all("section")]
    assert len(keys) == 10
    assert [a.attributes["href"] for a in root.one("nav").all("a")] == [f"#{k}" for k in keys]
    assert all(i.attributes["alt"] for i in root.all("img") if "hidden" not in i.attributes)
    assert all(th.attributes.get("scope") for th in root.all("th"))


def test_the_overview_says_what_was_run():
    text = section(page(run_view(warnings=("collapse: look",))), "runs").text()
    for fact in ("simclr", "toys", "1 x abacus", "0:01:01", "abc123", "20 steps", "collapse: look"):
        assert fact in text
    assert "seed0" in text  # a value of 0 is not left out


def test_a_run_that_goes_on_says_how_far_it_is():
    run = run_view(files=run_files(result=None), warnings=None, features=None, planned_steps=1000)
    root = page(run)
    text = section(root, "runs").text()
    assert re.search(r"not finished.* 2 of 1,000.* 2\.0 of 2", text)
    assert "not assessed" in text
    assert "not finished" in section(root, "evaluation").text()
    assert not list(section(root, "evaluation").all("table"))
    assert "loss" in section(root, "curves").text()
    assert list(section(root, "configuration").all("table"))


def test_curves_of_several_runs_are_in_one_chart():
    second = run_view("second")
    charts = list(section(page(run_view(), second), "curves").all("figure"))
    assert [c.one("b").text() for c in charts] == ["loss", "speed"]
    assert len(list(charts[0].all("g", class_="line"))) == 2
    assert len(list(charts[0].all("rect", class_="healthy"))) == 1  # shared by both runs
    other = second._replace(expectation=second.expectation._replace(high=3.5))
    bands = section(page(run_view(), other), "curves").all("rect", class_="band")
    assert [b.attributes["class"] for b in bands] == ["band s0", "band s1"]


def test_accuracies_stand_with_the_names_of_their_protocols():
    found = {
        "protocol": "svm",
        "data": "voc07",
        "step": 20,
        "map": 0.4242,
        "map_std": 0.01,
        "cost": 0.5,
        "seeds": [0, 1],
        "splits": {"fit": 90, "test": 10},
        "settings": {"solver": "liblinear"},
    }
    run = run_view(files=run_files(evaluations=(found,)), split_sizes={"fit": 7, "test": 3})
    rows = [
        [cell.text() for cell in row.children]
        for row in section(page(run), "evaluation").one("tbody").all("tr")
    ]
    first = ["first", "knn", "toys", "trained encoder", "50.00%", "90.00%"]
    assert rows[0] == [*first, "", "", "fit 7, test 3", ""]
    assert rows[1][1:6] == ["linear", "toys", "trained encoder", "60.00%", ""]
    assert rows[2][:3] == ["first", "svm", "voc07"] and rows[2][6] == "42.42% \u00b1 1.00%"
    assert rows[2][7:9] == ["0, 1", "fit 90, test 10"]
    assert "cost0.5" in rows[2][9] and "liblinear" in rows[2][9]


def test_neighbours_are_marked_right_and_wrong():
    cells = list(section(page(run_view()), "neighbours").all("td"))
    marks = [c.attributes.get("class") for c in cells]
    assert marks == [None, "right", "wrong", "right", None, "right", "right", "wrong"]
    assert "\u2717 dog" in cells[2].text() and "0.800" in cells[2].text()


def test_points_say_class_and_prediction_and_share_their_pictures():
    root = page(run_view(), run_view("second"))
    maps = list(root.all("figure", class_="map"))
    assert len(list(root.all("img", class_="atlas"))) == 1
    assert {m.attributes["data-atlas"] for m in maps} == {"0"}
    dots = list(maps[0].all("circle", role="button"))
    assert len(dots) == 12
    assert re.search("11.*bird.*cat.*wrong", dots[-1].attributes["aria-label"])
    assert "wrong" in dots[-1].attributes["class"] and "wrong" not in dots[0].attributes["class"]
    assert [d.attributes["tabindex"] for d in dots] == ["0"] + 11 * ["-1"]


def test_confusions_of_few_classes_are_a_table_and_of_many_a_picture():
    few = section(page(run_view()), "confusion")
    rows = [[c.text() for c in row.all("td")] for row in few.one("tbody").all("tr")]
    assert rows == [["4", "", ""], ["", "4", ""], ["1", "", "3"]]
    assert re.search("bird .*cat: 1", few.text()) and "91.67% of 12" in few.text()
    many = section(
        page(run_view(features=feature_view(tuple(map(str, range(30))), 60))), "confusion"
    )
    assert "30 classes" in many.one("img").attributes["alt"]


def test_without_labels_their_parts_are_left_out_with_a_sentence():
    root = page(run_view(features=feature_view(())))
    assert "no labels" in section(root, "confusion").text()
    assert not list(section(root, "confusion").all("table"))
    assert not list(root.all("button")) and not list(root.all("td", class_="wrong"))
    dots = list(section(root, "map").all("circle", role="button"))
    assert dots[3].attributes["aria-label"] == "image 3"


def test_without_a_map_there_is_a_sentence():
    flat = feature_view()._replace(feature_map=None, spectrum=np.zeros(4))
    root = page(run_view(features=flat))
    assert "No map" in section(root, "map").text()
    assert not list(section(root, "spectrum").all("svg"))


def test_settings_in_which_runs_differ_are_marked():
    config = {"method": {"name": "simclr", "hidden": 64}, "data": {"name": "toys"}, "seed": 1}
    other = run_view("second", files=run_files("second", config=config))
    rows = list(section(page(run_view(), other), "configuration").one("tbody").all("tr"))
    marked = {next(row.all("th")).text(): row for row in rows}
    found = {name for name, r in marked.items() if r.attributes.get("class") == "differs"}
    assert found == {"\u2260 epochs", "\u2260 method.hidden", "\u2260 seed"}
    assert "data.name" in marked
    alone = section(page(run_view()), "configuration")
    assert not list(alone.all("tr", class_="differs")) and not list(alone.all("input"))


@pytest.mark.parametrize("name", ["script", "style"])
def test_script_and_style_are_ascii_and_do_not_end_early(name):
    text = page(run_view()).one(name).text()
    assert text.isascii() and f"</{name}" not in text
