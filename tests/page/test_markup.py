"""Only Markup is HTML."""

import pytest

from ssl_jax.page.markup import Markup, fragment, tag


def test_children_and_attributes_are_escaped():
    evil = "\"><script>alert('1')</script>&"
    made = tag("p", evil, [tag("b", evil)], title=evil)
    escaped = "&quot;&gt;&lt;script&gt;alert(&#x27;1&#x27;)&lt;/script&gt;&amp;"
    assert made == f'<p title="{escaped}">{escaped}<b>{escaped}</b></p>'


def test_what_is_none_or_false_is_left_out():
    assert tag("p", None, 0, [None, "a"], hidden=True, id=None, class_=False) == "<p hidden>0a</p>"
    assert tag("img", src="x", aria_label="y") == '<img src="x" aria-label="y">'


@pytest.mark.parametrize("odd", ["\0", "\x1b", "\udcff", "\x85"])
def test_what_html_has_no_character_for_is_replaced(odd):
    assert tag("b", f"a{odd}b") == "<b>a\ufffdb</b>"


def test_joining_keeps_markup():
    assert fragment([Markup("<b>"), "<b>"]) == "<b>&lt;b&gt;"
