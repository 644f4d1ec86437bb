"""Which folders and files are splits of a set: Train, validation_images, seg_test, val2017, ..."""

import re
from collections.abc import Iterable, Sequence

TRAIN = ("train", "training", "trainset", "trainval", "trn")
TEST = ("test", "testing", "testset", "eval", "evaluation", "tst")
VALIDATION = ("val", "valid", "validation", "validate", "valset", "dev", "development")
UNLABELLED = ("unlabeled", "unlabelled", "pred", "predict", "prediction")
KIND_OF = {
    **dict.fromkeys(TRAIN, "train"),
    **dict.fromkeys(TEST, "test"),
    **dict.fromkeys(VALIDATION, "val"),
    **dict.fromkeys(UNLABELLED, "unlabelled"),
}
# Words beside the name of a split that say nothing about it.
_WORDS = (
    "image images img imgs pic pics picture pictures photo photos set sets split data dataset "
    "folder seg cls loc jpg jpeg png label labels labelled labeled list lists annotation "
    "annotations solution ground truth gt groundtruth ilsvrc standard large small file files "
    "info map"
)
FILLING = frozenset(_WORDS.split())


def split_of(name: str) -> str:
    """The kind of split that a name stands for by itself: train, test, val, unlabelled; or "".

    >>> [split_of(n) for n in ("Train", "TEST-images", "val2017", "ILSVRC2012_img_val", "trains")]
    ['train', 'test', 'val', 'val', '']
    """
    kind, rest = _parts(name)
    return "" if rest else kind


def splits_among(names: Iterable[str]) -> dict[str, list[str]]:
    """The names that are splits, by kind.

    Names that share what they have beside the split are splits, too, if all of them do and one is
    for training: birds_train and birds_test, but not test_tubes and train_stations.

    >>> splits_among(["Training", "cats", "valid"])
    {'train': ['Training'], 'val': ['valid']}
    >>> splits_among(["birds_test", "birds_train"])
    {'test': ['birds_test'], 'train': ['birds_train']}
    >>> splits_among(["test_tubes", "train_stations"])
    {}
    """
    names = list(names)
    parts = [_parts(name) for name in names]
    kinds = [kind for kind, _ in parts]
    alike = all(kinds) and len(set(kinds)) > 1 and len({rest for _, rest in parts}) == 1
    found: dict[str, list[str]] = {}
    for name, (kind, rest) in zip(names, parts, strict=True):
        if kind and (not rest or (alike and "train" in kinds)):
            found.setdefault(kind, []).append(name)
    return found


def sibling(name: str, kind: str, names: Sequence[str]) -> str:
    """The name that is to `name`, a split for training, what `kind` is to train; "" if none is.

    >>> sibling("inat_train2019.json", "val", ["inat_train2019.json", "inat_val2019.json"])
    'inat_val2019.json'
    """
    own, rest = _parts(name.rpartition(".")[0])
    if own == "train":
        for other in names:
            if _parts(other.rpartition(".")[0]) == (kind, rest):
                return other
    return ""


def _parts(name: str) -> tuple[str, tuple[str, ...]]:
    """(kind of split or "", the other words that say something).

    Words are told apart by anything that is not a letter, and by a capital after a small letter.
    """
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    words = [word for word in re.split(r"[\W\d_]+", spaced.lower()) if word]
    kinds = [word for word in words if word in KIND_OF]
    if len({KIND_OF[word] for word in kinds}) != 1:
        return "", tuple(words)
    rest = tuple(word for word in words if word not in KIND_OF and word not in FILLING)
    return KIND_OF[kinds[0]], rest
