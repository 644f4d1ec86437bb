"""Multi-network, Table 4: how many patch embeddings are combined."""

from experiments.engine.table import Column, Row, Table

PUBLISHED = {1: (89.54, 99.73), 2: (90.18, 99.78), 3: (89.79, 99.73), 4: (89.61, 99.72)}

TABLE = Table(
    source="Multi-network, Table 4",
    about="the number of patch embeddings in a combination; CIFAR-10, 200 epochs, batch 256",
    columns=(Column("top-1", "multi_network"), Column("top-5", "multi_network", "top5")),
    rows=[
        Row(
            f"j = {k}",
            "multi_network",
            changes={"method.k": k},
            against="" if k == 2 else "j = 2",
            published={"top-1": top1, "top-5": top5},
        )
        for k, (top1, top5) in PUBLISHED.items()
    ],
    readings=("the table's j is the k of Eq. 4 and 5: C(4, k) combinations of k patches",),
)
