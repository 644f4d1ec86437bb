"""BA-SSL, Figure 1: top-1 on ImageNet-1k."""

from experiments.ba_ssl import BELOW_PAPER, LINEAR, table2
from experiments.engine.table import Table

TABLE = Table(
    source="BA-SSL, Figure 1",
    about="linear evaluation on ImageNet-1k with ResNet-18 and batch 256",
    columns=table2.TABLE.columns,
    rows=[row for row in table2.TABLE.rows if row.name.startswith("ImageNet-1k")],
    readings=(
        "the figure's numbers are not in the text: published are those of Table 2's column "
        "ImageNet-1k, whose runs these are; which methods the figure shows is not known",
        "what was read of the methods is said in Table 2",
        LINEAR,
        BELOW_PAPER,
    ),
)
