"""The page: sections under their headings, with style and script, and no way to the network."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from ssl_jax.evaluation.classifiers.knn import KNN_K, KNN_TEMPERATURE
from ssl_jax.page import looks, sections
from ssl_jax.page.exhibits import Exhibit
from ssl_jax.page.markup import Markup, tag


class _Section(NamedTuple):
    """key: its place in the page's address. intro: how to read it, only where there is a body.
    instead: what is said where there is none."""

    key: str
    title: str
    body: Markup | None
    intro: str = ""
    instead: str = ""


def render(runs: Sequence[Exhibit], versions: Mapping[str, str]) -> str:
    """The whole page, in ASCII.

    Args:
      runs: at least one, with different names.
      versions: of what the page is made with, by name.
    """
    title = ", ".join(run.record.name for run in runs)
    shown = _sections(runs, versions)
    links = [tag("a", section.title, href=f"#{section.key}") for section in shown]
    style, script = _file("page.css"), _file("page.js")
    head = tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=_policy(style, script)),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("title", title),
        tag("style", style),
    )
    body = tag(
        "body",
        tag("header", tag("h1", title), tag("nav", links, aria_label="sections")),
        tag("main", map(_in_html, shown)),
        tag("script", script),
    )
    page = "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _sections(runs: Sequence[Exhibit], versions: Mapping[str, str]) -> list[_Section]:
    unseen = "No run here has a checkpoint and its images at hand."
    unlabelled = "The images have no labels." if any(run.look for run in runs) else unseen
    return [
        _Section("runs", "Runs", sections.overview(runs)),
        _Section(
            "curves",
            "Curves",
            sections.curves(runs),
            "Point at a chart for its values, or focus it and use the arrow keys. Shaded is where "
            "a healthy run lies, red what counts as collapsed, dashed the loss by chance or an "
            "even spread of the embeddings.",
            "Nothing has been measured yet.",
        ),
        _Section(
            "evaluation",
            "Evaluation",
            sections.evaluations(runs),
            instead="Nothing has been evaluated: the run is not finished, or there are no labels "
            "or test images.",
        ),
        _Section(
            "views",
            "Augmented views",
            looks.views(runs),
            "Training images and what the method sees of them. A fused view is one in which the "
            "images of a batch have exchanged content; values beyond black and white are cut off.",
            "No run here has its images at hand.",
        ),
        _Section(
            "neighbours",
            "Nearest neighbours",
            looks.neighbours(runs),
            f"By cosine similarity of the features. {_asked(runs)}",
            unseen,
        ),
        _Section(
            "map",
            "Map of the features",
            looks.maps(runs),
            "t-SNE of normalised features; only who lies near whom means something, not how far. "
            "Click a point, or focus one and use the arrow keys, to see its image, in every map "
            "that has it.",
            unseen,
        ),
        _Section(
            "confusion",
            "Confusion matrix",
            looks.confusions(runs),
            f"Weighted kNN vote, k = {KNN_K}, cosine similarity, weights exp(similarity / "
            f"{KNN_TEMPERATURE}). {_asked(runs)} Rows are the true classes; a cell's shade is its "
            "share of the row.",
            unlabelled,
        ),
        _Section(
            "spectrum",
            "Spectrum of the features",
            looks.spectra(runs),
            "A line that falls off early is a representation that uses few of its dimensions.",
            unseen,
        ),
        _Section("configuration", "Configuration", sections.configs(runs)),
        _Section(
            "environment",
            "Environment",
            sections.environment(versions),
            "What this page was made with; what a run computed on stands above.",
        ),
    ]


def _asked(runs: Sequence[Exhibit]) -> str:
    """How many images were asked about, in words: once where it is the same for all runs."""
    said = {
        f"{look.queries:,} {look.kind} against {look.bank:,} training images."
        for look in (run.look for run in runs)
        if look
    }
    return " ".join(sorted(said))


def _in_html(section: _Section) -> Markup:
    said = section.intro if section.body else section.instead
    intro = tag("p", said, class_="intro") if said else None
    heading = tag("h2", section.title, id=f"{section.key}-title")
    labelled = {"id": section.key, "aria_labelledby": f"{section.key}-title"}
    return tag("section", heading, intro, section.body, **labelled)


def _file(name: str) -> Markup:
    return Markup(files("ssl_jax.page").joinpath(name).read_text("utf-8"))


def _policy(style: str, script: str) -> str:
    """Nothing but this style, this script and pictures in the page itself; no network."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_sha256(style)}'; "
        f"script-src '{_sha256(script)}'; base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
