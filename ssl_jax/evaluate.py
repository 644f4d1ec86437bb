"""python -m ssl_jax.evaluate --workdir=DIR [--protocol=NAME[,NAME]] [--data=NAME --data_path=DIR]

Judges the encoder of a run, or one that was imported, by the named protocols: on the run's own
data, or on another set. Writes DIR/evaluations/<protocol>-<data>.json.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import jax
from ml_collections import ConfigDict

from ssl_jax.command_line import config_flags
from ssl_jax.command_line.config_flags import path
from ssl_jax.data.dataset import Splits, fingerprint
from ssl_jax.data.load import load
from ssl_jax.devices import sharding
from ssl_jax.encoder.encoder import Description, load_encoder
from ssl_jax.errors import UserError
from ssl_jax.evaluation.by_name import PROTOCOLS
from ssl_jax.evaluation.judge import judge
from ssl_jax.evaluation.task import make_task
from ssl_jax.setup.build import load_splits
from ssl_jax.storage import atomic
from ssl_jax.types import Config

# Sets whose images are files of any size.
OF_FILES = ("folder", "voc07")
SECONDS_BETWEEN_LINES = 10.0


def main(argv: Sequence[str]) -> None:
    """Flags: --workdir --protocol --data --data_path --data_classes --seeds --step --labels
    --batch_size"""
    args = _parse(argv)
    names = args.protocol.split(",")
    if unknown := [name for name in names if name not in PROTOCOLS]:
        raise UserError(f"--protocol={unknown[0]}: there are {', '.join(PROTOCOLS)}")
    _check(args, names)
    config_flags.join_cluster()
    encoder = load_encoder(args.workdir, step=args.step)
    splits, data = _images(args, encoder.description)
    task = make_task(
        encoder,
        splits,
        shardings=sharding.make(jax.device_count()),
        batch_size=args.batch_size,
        labels=args.labels,
        progress=_progress(),
    )
    about = {
        "data": data,
        "data_fingerprint": fingerprint(splits.bank),
        "step": encoder.step,
        "device": atomic.device_name(),
    }
    folder = args.workdir / "evaluations"
    atomic.make_folder(folder)
    refused = []
    for name in names:
        try:
            found = judge(name, task, seeds=args.seeds)
        except UserError as error:  # what one protocol cannot do leaves the others alone
            refused.append(f"{name}: {error}")
            continue
        if jax.process_index() == 0:
            file = folder / f"{name}-{data}.json"
            note = _replaced(atomic.read_json(file), about)
            atomic.write_json(file, about | found)
            print(f"{_line(about | found)}; written: {file}{note}", flush=True)
    if refused:
        raise UserError("; ".join(refused))


def _parse(argv: Sequence[str]) -> argparse.Namespace:
    parser = config_flags.parser("python -m ssl_jax.evaluate", __doc__)
    parser.add_argument("--workdir", type=path, required=True, help="folder of a run or an import")
    parser.add_argument("--protocol", default="knn,ridge", help=", ".join(PROTOCOLS))
    parser.add_argument("--data", default="", help="another data set than the run's own")
    parser.add_argument("--data_path", default="", help="where it lies")
    parser.add_argument("--data_classes", default="", help="file that lists its class folders")
    parser.add_argument("--seeds", default="0", type=_numbers, help="as 0,1,2")
    parser.add_argument("--step", type=int, help="which checkpoint; default: the newest")
    parser.add_argument("--labels", type=path, help="file: names of the images that have labels")
    parser.add_argument("--batch_size", type=int, default=256, help="images encoded at a time")
    return parser.parse_args(list(argv[1:]))


def _numbers(text: str) -> list[int]:
    if not all(part.isdecimal() for part in text.split(",")):
        raise UserError(f"--seeds={text} must be numbers from 0 on, as 0,1,2")
    return [int(part) for part in text.split(",")]


def _check(args: argparse.Namespace, names: Sequence[str]) -> None:
    """Refuses flags that cannot be followed before anything is read."""
    if args.batch_size < 1:
        raise UserError(f"--batch_size={args.batch_size} must be at least 1")
    if args.workdir.is_file():
        raise UserError(f"--workdir={args.workdir} is a file; import_weights makes a folder of it")
    if args.data_classes and not args.data:
        raise UserError("--data_classes needs --data; a run keeps to the classes of its own")
    # One list for 1 % and for 10 % would make the one a result of the other.
    if args.labels and sum(name in ("finetune_1", "finetune_10") for name in names) != len(names):
        raise UserError("--labels is for --protocol=finetune_1 or finetune_10, no others")
    if args.labels and len(names) > 1:
        raise UserError("--labels lists the images of one protocol: finetune_1 or finetune_10")


def _images(args: argparse.Namespace, description: Description) -> tuple[Splits, str]:
    """The images to judge by, and a name for them."""
    if not args.data:
        settings = atomic.read_json(args.workdir / "config.json")
        if settings is None:
            raise UserError(f"{args.workdir} has no data of its own: --data=NAME --data_path=DIR")
        config: Config = ConfigDict(settings)
        config.data.path = args.data_path or config.data.path
        part = f"-{config.data.limit}" if config.data.limit else ""
        return load_splits(config), _label(config.data.name, config.data.path) + part
    files = args.data in OF_FILES
    try:
        loaded = load(
            args.data,
            path=args.data_path,
            image_size=round(description.image_size / description.crop) if files else 0,
            channels=description.channels if files else 0,
            classes=args.data_classes,
        )
    except UserError as error:  # the flags of this command have other names
        text = str(error).replace("config.data.name", "--data")
        raise UserError(text.replace("config.data.", "--data_")) from error
    bank = loaded.train if loaded.labelled is None else loaded.labelled
    return Splits(bank, None, loaded.test), _label(args.data, args.data_path)


def _label(name: str, path: str) -> str:
    """Sets that are a person's own are told apart by their folders."""
    return f"{name}-{Path(path).resolve().name}" if name in ("folder", "npz") else name


def _progress() -> Callable[[str, int, int], None]:
    """Says now and then how far the encoder is, on large sets or slow devices."""
    said = time.monotonic()

    def say(part: str, count: int, total: int) -> None:
        nonlocal said
        if time.monotonic() - said > SECONDS_BETWEEN_LINES and jax.process_index() == 0:
            said = time.monotonic()
            print(f"{part}: {count:,}/{total:,} images encoded", flush=True)

    return say


def _replaced(old: dict[str, Any] | None, about: dict[str, Any]) -> str:
    """Says so where a result takes the place of one that it is no repetition of."""
    if old is None:
        return ""
    changed = [key for key in ("step", "data_fingerprint") if old.get(key) != about[key]]
    return f", in place of one of another {' and '.join(changed)}" if changed else ""


def _line(found: dict[str, Any]) -> str:
    """The result in a line: what was measured, on what, and the figures."""
    shares = {"top1": "top-1", "top5": "top-5", "map": "mAP"}
    numbers = {"alignment": "alignment", "uniformity": "uniformity", "effective_rank": "rank"}
    figures = [
        f"{name} {found[key]:{form}}"
        + (f" ± {found[f'{key}_std']:{form}}" if f"{key}_std" in found else "")
        for names, form in ((shares, ".2%"), (numbers, ".2f"))
        for key, name in names.items()
        if found.get(key) is not None
    ]
    seeds = f" (seeds {', '.join(map(str, found['seeds']))})" if found["seeds"] else ""
    return f"{found['protocol']} on {found['data']}: {', '.join(figures)}{seeds}"


if __name__ == "__main__":
    config_flags.run(main)
