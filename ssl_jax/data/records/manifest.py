"""The manifest of a folder of records: what is in it, and that it is all there."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from ssl_jax.data.records.shard import ShardIndex, read_index, stem
from ssl_jax.errors import UserError
from ssl_jax.storage import atomic, user_cache

FILE = "manifest.json"
FORMAT = "ssl_jax records 1"
AGAIN = "prepare the images again, into another folder"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a folder of records holds.

    classes: names of the classes; () for an unlabelled set.
    splits: by name ("train", "test"), the shards in order.
    settings: how the images were prepared.
    origins: by name of a split, where its images are from; see `Dataset.origin`.
    """

    classes: tuple[str, ...]
    splits: dict[str, tuple[ShardIndex, ...]]
    settings: dict[str, Any]
    origins: dict[str, str]

    def write(self, folder: Path) -> None:
        """Writes the manifest, with the checksums of shards and indices."""
        splits = {
            name: {
                "images": sum(len(shard.names) for shard in shards),
                "images_per_class": self._per_class(shards),
                "shards": [_entry(folder, shard) for shard in shards if shard.bytes],
            }
            for name, shards in self.splits.items()
        }
        skipped = [
            {"split": name, "name": image, "reason": reason}
            for name, shards in self.splits.items()
            for shard in shards
            for image, reason in shard.skipped
        ]
        content = {
            "format": FORMAT,
            "classes": self.classes,
            "splits": splits,
            "settings": self.settings,
            "origins": self.origins,
            "skipped": skipped,
        }
        atomic.replace_text(folder / FILE, json.dumps(content, indent=1) + "\n")

    def _per_class(self, shards: Sequence[ShardIndex]) -> dict[str, int]:
        counts = [0] * len(self.classes)
        for shard in shards:
            for label in shard.labels:
                if label >= 0:
                    counts[label] += 1
        return dict(zip(self.classes, counts, strict=True))


def read(folder: Path) -> Manifest:
    """Reads a manifest and verifies that every shard is there and as it was written.

    A shard that has the size and the time of modification that it was written with is not read
    again; of another one (as of a copy) the checksum is compared, once. ArrayRecord notices
    damage that comes later when it reads the record.

    Raises:
      UserError: naming the shard that is missing, truncated or changed.
    """
    content = atomic.read_json(folder / FILE)
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        raise UserError(f"{folder / FILE} is not a manifest of records ({FORMAT})")
    try:
        entries = {name: split["shards"] for name, split in content["splits"].items()}
        with ThreadPoolExecutor() as pool:
            splits = {
                name: tuple(pool.map(lambda entry: _verified(folder, entry), shards))
                for name, shards in entries.items()
            }
        return Manifest(
            classes=tuple(content["classes"]),
            splits=splits,
            settings=content["settings"],
            origins=content["origins"],
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(f"{folder / FILE} is damaged: {error!r}; {AGAIN}") from None


def _entry(folder: Path, shard: ShardIndex) -> dict[str, Any]:
    index = folder / f"{stem(shard.split, shard.number)}.json"
    return {
        "file": shard.file,
        "images": len(shard.names),
        "bytes": shard.bytes,
        "sha256": shard.sha256,
        "index": index.name,
        "index_sha256": hashlib.sha256(index.read_bytes()).hexdigest(),
    }


def _verified(folder: Path, entry: dict[str, Any]) -> ShardIndex:
    """The index of a shard, after comparing both files with the manifest."""
    index, shard = folder / entry["index"], folder / entry["file"]
    try:
        if hashlib.sha256(index.read_bytes()).hexdigest() != entry["index_sha256"]:
            raise UserError(f"the index {index} is not the one that was prepared; {AGAIN}")
        status = shard.stat()
        if status.st_size != entry["bytes"]:
            sizes = f"{status.st_size:,} of {entry['bytes']:,} bytes"
            raise UserError(f"the shard {shard} is not whole, {sizes}; copy it again")
        found = read_index(index)
        if status.st_mtime_ns != found.modified_ns and not _known(shard, status, entry["sha256"]):
            _compare(shard, entry["sha256"])
            _remember(shard, status, entry["sha256"])
        return found
    except OSError as error:
        missing = Path(error.filename or shard)
        raise UserError(f"the shard {missing} cannot be read: {error.strerror}") from None


def _compare(shard: Path, sha256: str) -> None:
    with shard.open("rb") as file:
        if hashlib.file_digest(file, "sha256").hexdigest() != sha256:
            raise UserError(f"the shard {shard} is damaged: its checksum differs; copy it again")


def _known(shard: Path, status: os.stat_result, sha256: str) -> bool:
    """Whether the checksum of this very file has been compared before."""
    return _note(shard, status, sha256).exists()


def _remember(shard: Path, status: os.stat_result, sha256: str) -> None:
    user_cache.keep(_note(shard, status, sha256), b"")


def _note(shard: Path, status: os.stat_result, sha256: str) -> Path:
    text = f"{shard.resolve()} {status.st_ino} {status.st_mtime_ns} {sha256}"
    return user_cache.folder("verified") / hashlib.sha256(text.encode()).hexdigest()
