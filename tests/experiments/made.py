"""A made-up table, and results of its runs that no training made."""

from experiments.engine.runs import runs_of
from experiments.engine.store import Store, identity, settings_of
from experiments.engine.table import Column, Row, Table

LINEAR, KNN = Column("linear", "multi_network"), Column("kNN", "knn")


def row(name, coefficient=1.0, **changes):
    """A row whose settings are those of no other coefficient."""
    return Row(name, "multi_network", changes={"method.coefficient": coefficient}, **changes)


def table(*rows, columns=(LINEAR, KNN), **changes):
    made = Table("Made-up, Table 1", "what was made up", columns, rows)
    return made._replace(**changes)


def result(run, *, linear=0.5, knn=0.25, linear_top5=0.9, knn_top5=0.8, **changes):
    """What is kept of a run whose final evaluation gave these shares."""
    trained = {"linear_top1": linear, "linear_top5": linear_top5}
    trained |= {"knn_top1": knn, "knn_top5": knn_top5}
    return {
        "settings": settings_of(run.config),
        "seed": run.seed,
        "commit": "0123456789ab",
        "device": "1 x abacus",
        "evaluation": {"trained": trained},
        "evaluations": {},
        **changes,
    }


def store_of(folder, made, results, *, scale="smoke"):
    """A store with results by (row, seed), each the arguments of `result`."""
    store = Store(folder)
    for run in runs_of(made, scale, data={"": str(folder)}):
        if (run.row.name, run.seed) in results:
            store.write(identity(run.config), result(run, **results[run.row.name, run.seed]))
    return store
