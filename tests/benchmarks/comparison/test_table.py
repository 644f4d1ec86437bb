"""Figures of a case as lines."""

from comparison.table import lines


def figures(ms, share):
    rates = {"ms": ms, "images/s": 1000 / ms, "views/s": 2000 / ms, "share of peak": share}
    return {
        "first loss": 3.5,
        "memory, MiB": 2048.0,
        "with augmentation": rates,
        "ready views": rates,
    }


def test_lines_show_the_faster_of_the_compiled():
    row = {
        "ssl_jax": figures(0.5, 0.3),
        "eager": figures(2.0, 0.1),
        "compiled": figures(1.0, 0.2),
        "captured": {**figures(0.8, 0.25), "memory, MiB": None},
    }
    with_augmentation, ready = lines("simclr-resnet18-512", row)
    assert " ".join(with_augmentation.split()) == (
        "simclr-resnet18-512 with augmentation images/s 2,000 500 1,250 ratios 4.00 1.60 "
        "of peak 0.300 0.100 0.250 GiB 2.0 2.0 2.0"
    )
    assert ready.split()[-5:] == ["first", "loss", "3.5000", "3.5000", "3.5000"]
    del row["compiled"], row["captured"], row["ssl_jax"]
    with_augmentation, _ = lines("simclr-resnet18-512", row)
    assert "images/s - 500 - ratios - -" in " ".join(with_augmentation.split())
