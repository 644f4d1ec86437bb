"""The page: its sections with style and script in one file that never accesses the network."""

import base64
import hashlib
from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import NamedTuple

from ssl_jax.evaluation.classifiers.knn import KNN_K, KNN_TEMPERATURE
from ssl_jax.page import feature_panels, sections
from ssl_jax.page.markup import Markup, tag
from ssl_jax.page.run_view import RunView


class _Section(NamedTuple):
    """A section of the page.

    key: its id, for links.
    title: its heading.
    body: its content; None if there is nothing to show.
    intro: how to read the content; shown above it.
    instead: why there is no content; shown in its place.
    """

    key: str
    title: str
    body: Markup | None
    intro: str = ""
    instead: str = ""


def render(runs: Sequence[RunView], versions: Mapping[str, str]) -> str:
    """The whole page, in ASCII.

    Args:
      runs: at least one, with different names.
      versions: versions of the software that makes the page, by name.
    """
    title = ", ".join(run.files.name for run in runs)
    content = _sections(runs, versions)
    links = [tag("a", section.title, href=f"#{section.key}") for section in content]
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
        tag("main", map(_section_element, content)),
        tag("script", script),
    )
    page = "<!doctype html>\n" + tag("html", head, body, lang="en") + "\n"
    return page.encode("ascii", "xmlcharrefreplace").decode()


def _sections(runs: Sequence[RunView], versions: Mapping[str, str]) -> list[_Section]:
    return [
        *_of_logs(runs),
        *_of_features(runs),
        _Section("configuration", "Configuration", sections.configs(runs)),
        _Section(
            "environment",
            "Environment",
            sections.environment(versions),
            "Software and device that made this page; the device of each run is listed under Runs.",
        ),
    ]


def _of_logs(runs: Sequence[RunView]) -> list[_Section]:
    """The sections that need no checkpoint."""
    return [
        _Section("runs", "Runs", sections.overview(runs)),
        _Section(
            "curves",
            "Curves",
            sections.curves(runs),
            "Point at a chart to read its values, or focus it and use the arrow keys. Shading "
            "marks the range of a healthy run, red what counts as collapsed; dashed lines mark "
            "the loss at chance level and evenly spread embeddings.",
            "No metrics have been logged yet.",
        ),
        _Section(
            "evaluation",
            "Evaluation",
            sections.evaluations(runs),
            instead="Nothing has been evaluated yet: the run is not finished, or there are no "
            "labels or no test images.",
        ),
        _Section(
            "views",
            "Augmented views",
            feature_panels.augmented_views(runs),
            "Training images and the views of them that the method is trained on. In a fused view, "
            "the images of a batch have exchanged content; values beyond black and white are "
            "clipped.",
            "No run on this page has its images available.",
        ),
    ]


def _of_features(runs: Sequence[RunView]) -> list[_Section]:
    """The sections about the features of a checkpoint."""
    no_features = "No run on this page has both a checkpoint and its images available."
    no_labels = "The images have no labels." if any(run.features for run in runs) else no_features
    return [
        _Section(
            "neighbours",
            "Nearest neighbours",
            feature_panels.neighbours(runs),
            f"By cosine similarity of the features. {_set_sizes(runs)}",
            no_features,
        ),
        _Section(
            "map",
            "Map of the features",
            feature_panels.maps(runs),
            "t-SNE of the normalised features: only which points are neighbours is meaningful, not "
            "how far apart they are. Click a point, or focus one and use the arrow keys, to see "
            "its image in every map that contains it.",
            no_features,
        ),
        _Section(
            "confusion",
            "Confusion matrix",
            feature_panels.confusions(runs),
            f"Weighted kNN vote, k = {KNN_K}, cosine similarity, weights exp(similarity / "
            f"{KNN_TEMPERATURE}). {_set_sizes(runs)} Rows are the true classes; the shade of a "
            "cell is its share of the row.",
            no_labels,
        ),
        _Section(
            "spectrum",
            "Spectrum of the features",
            feature_panels.spectra(runs),
            "A line that drops early belongs to a representation that uses few of its dimensions.",
            no_features,
        ),
    ]


def _set_sizes(runs: Sequence[RunView]) -> str:
    """How many images are compared with how many, as one sentence if all runs agree."""
    sentences = {
        f"{view.query_count:,} {view.query_kind} against {view.bank_size:,} training images."
        for view in (run.features for run in runs)
        if view
    }
    return " ".join(sorted(sentences))


def _section_element(section: _Section) -> Markup:
    text = section.intro if section.body else section.instead
    intro = tag("p", text, class_="intro") if text else None
    heading = tag("h2", section.title, id=f"{section.key}-title")
    attributes = {"id": section.key, "aria_labelledby": f"{section.key}-title"}
    return tag("section", heading, intro, section.body, **attributes)


def _file(name: str) -> Markup:
    return Markup(files("ssl_jax.page").joinpath(name).read_text("utf-8"))


def _policy(style: str, script: str) -> str:
    """Allows this style, this script and embedded pictures, and nothing from the network."""
    return (
        f"default-src 'none'; img-src data:; style-src '{_sha256(style)}'; "
        f"script-src '{_sha256(script)}'; base-uri 'none'; form-action 'none'"
    )


def _sha256(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
