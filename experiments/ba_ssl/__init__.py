"""BA-SSL: its tables and figures, one file each."""

# The folder of ImageNet serves both sets: the file, in the root of the repository, lists the
# folders of 100 classes.
IMAGENET100 = {"data.classes": "imagenet100.txt"}
CLASSES = (
    "ImageNet-100 is the folder of ImageNet with the classes that imagenet100.txt lists: put "
    "CMC's list (github.com/HobbitLong/CMC), which the paper cites, in the root of the repository"
)
LINEAR = (
    "settings of the linear classifier (batch 512, rate 3e-4, 200 epochs) are given for "
    "ImageNet-1k and used everywhere; its Adam is ours"
)
BELOW_PAPER = (
    "below the scale paper only CIFAR-10 (smoke: digits) is trained on, at gpu CIFAR-100 as well, "
    "and rows that differ in their data set alone are the same run"
)
