"""The name that somebody meant who wrote another one."""

import difflib
from collections.abc import Iterable


def similar(name: str, known: Iterable[str]) -> str:
    """The known dotted name that is most like `name`; "" if none is.

    >>> known = ["epochs", "learning_rate", "optimizer.weight_decay", "batch_size"]
    >>> [similar(name, known) for name in ("lr", "weight-decay", "lerning_rate", "epoch", "xyz")]
    ['learning_rate', 'optimizer.weight_decay', 'learning_rate', 'epochs', '']
    """
    known = sorted(known, key=lambda key: (key.count("."), len(key)))
    wanted = name.lower().replace("-", "_")
    last = wanted.rpartition(".")[2]
    lasts = {key: key.rpartition(".")[2] for key in known}
    same = [key for key in known if lasts[key] == last]
    initials = [key for key in known if "_" in lasts[key] and _initials(lasts[key]) == last]
    near = difflib.get_close_matches(wanted, known, n=1)
    near_last = difflib.get_close_matches(last, lasts.values(), n=1)
    near += [key for key in known if lasts[key] in near_last]
    begun = [key for key in known if len(last) > 2 and lasts[key].startswith(last)]
    return next(iter([*same, *initials, *near, *begun]), "")


def _initials(name: str) -> str:
    return "".join(word[:1] for word in name.split("_"))
