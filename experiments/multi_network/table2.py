"""Multi-network, Table 2: the coefficient lambda, under four readings of the loss."""

from experiments.engine.table import Column, Row, Table

PUBLISHED = {2: 89.33, 4: 89.50, 6: 90.18, 8: 89.26, 10: 89.27}
# By what a row's name adds, the loss that lambda multiplies, and which pairs are compared.
READINGS = {
    "": ("momentum", "cross"),
    " on loss_s": ("stop_gradient", "cross"),
    " with all pairs": ("momentum", "all"),
    " on loss_s with all pairs": ("stop_gradient", "all"),
}
BEST = "lambda 6"


def against(name: str, reading: str) -> str:
    """The best lambda of the same reading; of that, the best of the first reading."""
    best = BEST + reading
    return best if name != best else BEST if name != BEST else ""


TABLE = Table(
    source="Multi-network, Table 2",
    about="the coefficient lambda between the two losses; CIFAR-10, 200 epochs, batch 256",
    columns=(Column("top-1", "multi_network"),),
    rows=[
        Row(
            name := f"lambda {value}{reading}",
            "multi_network",
            changes={
                "method.coefficient": float(value),
                "method.coefficient_on": on,
                "method.pairs": pairs,
            },
            against=against(name, reading),
            published={"top-1": published},
        )
        for reading, (on, pairs) in READINGS.items()
        for value, published in PUBLISHED.items()
    ],
    readings=(
        "Algorithm 1 has loss_s + lambda loss_m, and so has the text, which calls loss_m the "
        "regularization term: default; Eq. 7 has loss_m + lambda loss_s: the rows on loss_s",
        "which predictions meet which targets is not given: z_1 with p_2, z_2 with p_1, c_1 with "
        "p_3, c_3 with p_1; with all pairs every target meets the predictions of both other views",
        "the paper has one row of numbers, which is published beside each reading",
    ),
)
