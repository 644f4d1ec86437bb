"""BA-SSL: its tables and figures, one file each."""

LINEAR = (
    "settings of the linear classifier (batch 512, rate 3e-4, 200 epochs) are given for "
    "ImageNet-1k and used everywhere; its Adam is ours"
)
BELOW_PAPER = (
    "below the scale paper only CIFAR-10 (smoke: digits) is trained on, at gpu CIFAR-100 as well, "
    "and rows that differ in their data set alone are the same run"
)
