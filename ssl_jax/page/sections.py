"""The sections on metrics and settings, each a function of the runs; nothing is computed here."""

import datetime
import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ssl_jax.evaluation.table import ENCODERS
from ssl_jax.health.verdict import COLLAPSED_RANK, COLLAPSED_STD
from ssl_jax.page.charts import Band, Level, Series, colour_class, line_chart, swatch
from ssl_jax.page.markup import Markup, fragment, scrollable, tag
from ssl_jax.page.run_view import RunView
from ssl_jax.training.curves import PANELS

# Metrics whose curves would show nothing, and those that have a panel of their own.
_NOT_AMONG_OTHERS = {"step", "epoch", "seconds", "seconds_left", *PANELS}
_COLUMNS = ("run", "protocol", "data", "encoder", "top-1", "top-5", "mAP", "seeds", "images", "")
_IN_COLUMNS = {"protocol", "data", "step", "top1", "top1_std", "top5", "top5_std", "map", "map_std"}


def overview(runs: Sequence[RunView]) -> Markup:
    """What was run and whether it is healthy, one column per run."""
    facts = [_facts(run) for run in runs]
    head = tag("tr", tag("td"), [_run_header(i, run) for i, run in enumerate(runs)])
    rows = [
        tag("tr", tag("th", name, scope="row"), [tag("td", fact[name]) for fact in facts])
        for name in facts[0]
        if any(fact[name] is not None for fact in facts)
    ]
    return scrollable(tag("table", tag("thead", head), tag("tbody", rows), class_="facts"))


def _run_header(index: int, run: RunView) -> Markup:
    return tag("th", swatch(index), run.files.name, scope="col")


def _facts(run: RunView) -> dict[str, Any]:
    config, result = run.files.config, run.files.result or {}
    last = run.files.metrics[-1] if run.files.metrics else {}
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


def _health(run: RunView) -> Markup:
    if run.warnings is None:
        return tag("p", "not assessed", class_="note")
    if not run.warnings:
        return tag("p", "\u2713 nothing points to a collapse", class_="good")
    return fragment(tag("p", f"\u26a0 {text}", class_="bad") for text in run.warnings)


def _method(config: Mapping[str, Any]) -> str:
    parts = [str(config["method"].get("name"))]
    if config.get("fusion", {}).get("enabled"):
        parts.append("batch fusion")
    parts += [name for name, weight in config.get("penalty", {}).items() if weight]
    return " + ".join(parts)


def _state(run: RunView, last: Mapping[str, float]) -> str:
    epochs = run.files.config.get("epochs")
    if run.files.result is not None:
        return f"finished: {run.files.result.get('steps'):,} steps, {epochs} epochs"
    step = f"{int(last.get('step', 0)):,}"
    planned = f" of {run.planned_steps:,}" if run.planned_steps else ""
    return f"not finished: step {step}{planned}, epoch {last.get('epoch', 0):.1f} of {epochs}"


def _hash(digest: str | None) -> Markup | None:
    return tag("code", digest) if digest else None


def curves(runs: Sequence[RunView]) -> Markup | None:
    """Metrics of training with their expected ranges; the less important ones folded away."""
    logged = {name for run in runs for line in run.files.metrics for name in line}
    if not logged:
        return None
    main = [_curve(name, title, runs) for name, title in PANELS.items() if name in logged]
    others = [_curve(name, name, runs) for name in sorted(logged - _NOT_AMONG_OTHERS)]
    folded = tag("details", tag("summary", "more metrics"), tag("div", others, class_="charts"))
    return fragment([tag("div", main, class_="charts"), folded if any(others) else None])


def _curve(name: str, title: str, runs: Sequence[RunView]) -> Markup | None:
    series = []
    for index, run in enumerate(runs):
        points = [(m["epoch"], m[name]) for m in run.files.metrics if {name, "epoch"} <= set(m)]
        if points:
            series.append(Series(run.files.name, index, *zip(*points, strict=True)))
    if not series:
        return None
    bands, levels = _expected(name, runs)
    zero = name == "effective_rank"
    return line_chart(title, series, x_title="epoch", bands=bands, levels=levels, zero=zero)


def _expected(name: str, runs: Sequence[RunView]) -> tuple[list[Band], list[Level]]:
    """Bands and levels of a chart, as in curves.png; in the colours of the runs if these differ."""
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
        kind, whose = ("", "") if same else (colour_class(index), f", {run.files.name}")
        if math.isfinite(low) or math.isfinite(high):
            bands.append(Band(low, high, kind or "healthy", f"healthy{whose}"))
        if chance is not None:
            levels.append(Level(chance, kind or "chance", f"chance{whose}"))
    return bands, levels


def evaluations(runs: Sequence[RunView]) -> Markup | None:
    """Every accuracy with the name of its protocol, and descriptions of the protocols."""
    rows = [row for index, run in enumerate(runs) for row in _evaluation_rows(index, run)]
    if not rows:
        return None
    head = tag("tr", [tag("th", name, scope="col") for name in _COLUMNS])
    table = tag("table", tag("thead", head), tag("tbody", rows), class_="numbers")
    described: dict[str, Any] = {}
    for run in runs:
        described |= ((run.files.result or {}).get("evaluation") or {}).get("protocol", {})
    terms = [(tag("dt", name), tag("dd", text)) for name, text in described.items()]
    folded = tag("details", tag("summary", "descriptions of the protocols"), tag("dl", terms))
    return fragment([scrollable(table), folded if terms else None])


def _evaluation_rows(index: int, run: RunView) -> Iterator[Markup]:
    name = tag("th", swatch(index), run.files.name, scope="row")
    data = run.files.config.get("data", {}).get("name")
    final = (run.files.result or {}).get("evaluation") or {}
    for encoder, label in ENCODERS.items():
        scores = final.get(encoder, {})
        for protocol in ("knn", "linear"):
            if f"{protocol}_top1" in scores:
                top = [_percent(scores.get(f"{protocol}_top{k}")) for k in (1, 5)]
                cells = [protocol, data, label, *top, "", "", _readable(run.split_sizes), ""]
                yield tag("tr", name, [tag("td", cell) for cell in cells])
    for evaluation in run.files.evaluations:
        top = [
            _percent(evaluation.get(key), evaluation.get(f"{key}_std"))
            for key in ("top1", "top5", "map")
        ]
        step = evaluation.get("step")
        encoder = f"{ENCODERS['trained']}, step {step:,}" if isinstance(step, int) else "encoder"
        more = _details(evaluation, without=_IN_COLUMNS)
        cells = [evaluation.get("protocol"), evaluation.get("data"), encoder, *top]
        cells += [_readable(evaluation.get("seeds")), _readable(evaluation.get("splits")), more]
        yield tag("tr", name, [tag("td", cell) for cell in cells])


def _percent(value: Any, std: Any = None) -> str:
    """An accuracy in [0, 1] with its standard deviation over seeds; empty if it is not a number."""
    if not isinstance(value, int | float):
        return ""
    return f"{value:.2%}" + (f" \u00b1 {std:.2%}" if isinstance(std, int | float) else "")


def _details(evaluation: Mapping[str, Any], without: set[str]) -> Markup | None:
    """Further numbers that a protocol returned, and its settings, folded away."""
    numbers = {
        key: value
        for key, value in evaluation.items()
        if key not in without and isinstance(value, int | float)
    }
    settings = evaluation.get("settings")
    details = numbers | (settings if isinstance(settings, dict) else {})
    terms = [(tag("dt", key), tag("dd", _readable(value))) for key, value in details.items()]
    return tag("details", tag("summary", "more"), tag("dl", terms)) if terms else None


def _readable(value: Any) -> str:
    """A JSON value as readable text."""
    if isinstance(value, dict):
        return ", ".join(f"{key} {_readable(part)}" for key, part in value.items())
    if isinstance(value, list):
        return ", ".join(map(_readable, value))
    if isinstance(value, float):
        return f"{value:.4g}"
    return "" if value is None else str(value)


def configs(runs: Sequence[RunView]) -> Markup:
    """All settings by their dotted names; those that differ between the runs are marked."""
    settings = [dict(_dotted(run.files.config)) for run in runs]
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
    toggle = tag("label", tag("input", type="checkbox", id="only"), " show differences only")
    return fragment([toggle if len(runs) > 1 else None, scrollable(table)])


def _dotted(section: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in section.items():
        if isinstance(value, Mapping):
            yield from _dotted(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", repr(value)


def environment(versions: Mapping[str, str]) -> Markup:
    """Versions of the software that made the page, and the device."""
    rows = [tag("tr", tag("th", k, scope="row"), tag("td", v)) for k, v in versions.items()]
    return tag("table", tag("tbody", rows), class_="facts")
