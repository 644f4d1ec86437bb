"""The parts of the page, each a function of the runs that are shown; none computes anything."""

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssl_jax.health.verdict import COLLAPSED_RANK, COLLAPSED_STD
from ssl_jax.page.charts import Band, Level, Series, line_chart, swatch
from ssl_jax.page.exhibits import Exhibit
from ssl_jax.page.markup import Markup, join, tag
from ssl_jax.training.curves import PANELS

# Not curves, or not interesting ones.
_NOT_DRAWN = {"step", "epoch", "seconds", "seconds_left", *PANELS}
_COLUMNS = ("run", "protocol", "data", "encoder", "top-1", "top-5", "mAP", "seeds", "images", "")
_IN_COLUMNS = {"protocol", "data", "step", "top1", "top1_std", "top5", "top5_std", "map", "map_std"}
_ENCODERS = {"trained": "trained encoder", "untrained": "untrained encoder", "pixels": "raw pixels"}


def overview(runs: Sequence[Exhibit]) -> Markup:
    """What was run, and whether it is healthy: one column a run."""
    facts = [_facts(run) for run in runs]
    head = tag("tr", tag("td"), [_run_header(i, run) for i, run in enumerate(runs)])
    rows = [
        tag("tr", tag("th", name, scope="row"), [tag("td", fact[name]) for fact in facts])
        for name in facts[0]
        if any(fact[name] is not None for fact in facts)
    ]
    return _scrolled(tag("table", tag("thead", head), tag("tbody", rows), class_="facts"))


def _run_header(index: int, run: Exhibit) -> Markup:
    return tag("th", swatch(index), run.record.name, scope="col")


def _facts(run: Exhibit) -> dict[str, Any]:
    config, result = run.record.config, run.record.result or {}
    last = run.record.metrics[-1] if run.record.metrics else {}
    seconds = result.get("seconds", last.get("seconds"))
    speed = result.get("images_per_second") or last.get("images_per_second")
    skipped = result.get("skipped_files") or []
    return {
        "health": _health(run),
        "method": _method(config),
        "data": config.get("data", {}).get("name"),
        "network": config.get("network", {}).get("name"),
        "state": _state(run, last),
        "batch": config.get("batch_size"),
        "seed": config.get("seed"),
        "device": result.get("device"),
        "time": None if seconds is None else str(datetime.timedelta(seconds=round(seconds))),
        "speed": f"{speed:,.0f} images/s" if speed else None,
        "digest of the weights": _hash(result.get("digest")),
        "fingerprint of the data": _hash(result.get("data_fingerprint")),
        "unreadable files": len(skipped) or None,
        "not shown": [tag("p", note) for note in run.notes] or None,
    }


def _health(run: Exhibit) -> Markup:
    if run.warnings is None:
        return tag("p", "not judged", class_="note")
    if not run.warnings:
        return tag("p", "\u2713 nothing points to a collapse", class_="good")
    return join(tag("p", f"\u26a0 {text}", class_="bad") for text in run.warnings)


def _method(config: Mapping[str, Any]) -> str:
    parts = [str(config["method"].get("name"))]
    if config.get("fusion", {}).get("enabled"):
        parts.append("batch fusion")
    parts += [name for name, weight in config.get("penalty", {}).items() if weight]
    return " + ".join(parts)


def _state(run: Exhibit, last: Mapping[str, float]) -> str:
    epochs = run.record.config.get("epochs")
    if run.record.result is not None:
        return f"finished: {run.record.result.get('steps'):,} steps, {epochs} epochs"
    step = f"{int(last.get('step', 0)):,}"
    planned = f" of {run.steps:,}" if run.steps else ""
    return f"not finished: step {step}{planned}, epoch {last.get('epoch', 0):.1f} of {epochs}"


def _hash(digest: str | None) -> Markup | None:
    return tag("code", digest) if digest else None


def curves(runs: Sequence[Exhibit]) -> Markup | None:
    """The figures of training with what is expected of them; the rest folded away."""
    known = {name for run in runs for line in run.record.metrics for name in line}
    if not known:
        return None
    main = [_curve(name, title, runs) for name, title in PANELS.items() if name in known]
    others = [_curve(name, name, runs) for name in sorted(known - _NOT_DRAWN)]
    return join(
        [
            tag("div", main, class_="charts"),
            tag("details", tag("summary", "more figures"), tag("div", others, class_="charts"))
            if any(others)
            else None,
        ]
    )


def _curve(name: str, title: str, runs: Sequence[Exhibit]) -> Markup | None:
    series = []
    for index, run in enumerate(runs):
        points = [(m["epoch"], m[name]) for m in run.record.metrics if {name, "epoch"} <= set(m)]
        if points:
            series.append(Series(run.record.name, index, *zip(*points, strict=True)))
    if not series:
        return None
    bands, levels = _expected(name, runs)
    zero = name == "effective_rank"
    return line_chart(title, series, x_title="epoch", bands=bands, levels=levels, zero=zero)


def _expected(name: str, runs: Sequence[Exhibit]) -> tuple[list[Band], list[Level]]:
    """Bands and levels of a panel, as in `report.curves`; of several runs in their colours."""
    if name == "embedding_std_ratio":
        return [Band(0.0, COLLAPSED_STD, "collapsed", "collapsed")], [Level(1.0, "even", "even")]
    if name == "effective_rank":
        return [Band(0.0, COLLAPSED_RANK, "collapsed", "collapsed")], []
    if name != "loss":
        return [], []
    bands, levels = [], []
    same = len({run.expectation for run in runs}) == 1
    for index, run in enumerate(runs[:1] if same else runs):
        low, high, chance = run.expectation.low, run.expectation.high, run.expectation.chance
        kind, whose = ("", "") if same else (f"s{index % 8}", f", {run.record.name}")
        if math.isfinite(low) or math.isfinite(high):
            bands.append(Band(low, high, kind or "healthy", f"healthy{whose}"))
        if chance is not None:
            levels.append(Level(chance, kind or "chance", f"chance{whose}"))
    return bands, levels


def evaluations(runs: Sequence[Exhibit]) -> Markup | None:
    """Every accuracy under the name of its protocol, and the protocols in words."""
    rows = [row for index, run in enumerate(runs) for row in _evaluation_rows(index, run)]
    if not rows:
        return None
    head = tag("tr", [tag("th", name, scope="col") for name in _COLUMNS])
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="numbers")
    words: dict[str, Any] = {}
    for run in runs:
        words |= ((run.record.result or {}).get("evaluation") or {}).get("protocol", {})
    terms = [(tag("dt", name), tag("dd", text)) for name, text in words.items()]
    explained = tag("details", tag("summary", "the protocols in words"), tag("dl", terms))
    return join([_scrolled(table), explained if terms else None])


def _evaluation_rows(index: int, run: Exhibit) -> Iterator[Markup]:
    name = tag("th", swatch(index), run.record.name, scope="row")
    data = run.record.config.get("data", {}).get("name")
    final = (run.record.result or {}).get("evaluation") or {}
    for encoder, words in _ENCODERS.items():
        scores = final.get(encoder, {})
        for protocol in ("knn", "linear"):
            if f"{protocol}_top1" in scores:
                top = [_percent(scores.get(f"{protocol}_top{k}")) for k in (1, 5)]
                cells = [protocol, data, words, *top, "", "", _plain(run.splits), ""]
                yield tag("tr", name, [tag("td", cell) for cell in cells])
    for found in run.record.evaluations:
        top = [_percent(found.get(key), found.get(f"{key}_std")) for key in ("top1", "top5", "map")]
        step = found.get("step")
        encoder = f"{_ENCODERS['trained']}, step {step:,}" if isinstance(step, int) else "encoder"
        more = _figures(found, without=_IN_COLUMNS)
        cells = [found.get("protocol"), found.get("data"), encoder, *top]
        cells += [_plain(found.get("seeds")), _plain(found.get("splits")), more]
        yield tag("tr", name, [tag("td", cell) for cell in cells])


def _percent(value: Any, std: Any = None) -> str:
    """An accuracy in [0, 1] with its standard deviation over the seeds."""
    if not isinstance(value, int | float):
        return ""
    return f"{value:.2%}" + (f" \u00b1 {std:.2%}" if isinstance(std, int | float) else "")


def _figures(found: Mapping[str, Any], without: set[str]) -> Markup | None:
    """What else a protocol returned, and how it was done, folded away; lists are left out."""
    shown = {k: v for k, v in found.items() if k not in without and isinstance(v, int | float)}
    settings = found.get("settings")
    told = shown | (settings if isinstance(settings, dict) else {})
    terms = [(tag("dt", key), tag("dd", _plain(value))) for key, value in told.items()]
    return tag("details", tag("summary", "more"), tag("dl", terms)) if terms else None


def _plain(value: Any) -> str:
    """A value of JSON for people."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_plain(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_plain, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def configs(runs: Sequence[Exhibit]) -> Markup:
    """All settings by their dotted names; those in which the runs differ are marked."""
    settings = [dict(_dotted(run.record.config)) for run in runs]
    rows = []
    for key in sorted({key for values in settings for key in values}):
        cells = [values.get(key, "") for values in settings]
        differs = len(set(cells)) > 1
        marked = tag("span", "\u2260 ", title="the runs differ") if differs else None
        cells = [tag("td", tag("code", cell)) for cell in cells]
        header = tag("th", marked, tag("code", key), scope="row")
        rows.append(tag("tr", header, cells, class_="differs" if differs else None))
    head = tag("tr", tag("th", "key", scope="col"), [_run_header(i, r) for i, r in enumerate(runs)])
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="config")
    only = tag("label", tag("input", type="checkbox", id="only"), " only what differs")
    return join([only if len(runs) > 1 else None, _scrolled(table)])


def _dotted(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", repr(value)


def environment(versions: Mapping[str, str]) -> Markup:
    """What the page was made with."""
    rows = [tag("tr", tag("th", k, scope="row"), tag("td", v)) for k, v in versions.items()]
    return tag("table", tag("tbody", rows), class_="facts")


def _scrolled(table: Markup) -> Markup:
    return tag("div", table, class_="scrolled")
