"""What is prepared: the images of a folder, of tars, or of another source, with their labels."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ssl_jax.data.archives.tar_index import SUFFIXES, Contents, contents, without_suffix
from ssl_jax.data.dataset import Loaded
from ssl_jax.data.encoded import EncodedImages
from ssl_jax.data.load import load
from ssl_jax.errors import UserError
from ssl_jax.preparation import imagenet
from ssl_jax.preparation.tar_folder import as_folder

# Names and bytes are used alone; a reader wants to know what it would decode to.
DECODED = {"image_size": 256, "channels": 3}


def read_splits(
    images: Path,
    scratch: Path,
    *,
    source: str = "folder",
    labels: Path | None = None,
    **options: Any,
) -> Loaded:
    """Finds the images, reading none of them.

    Args:
      images: a folder of image files, a tar of such a folder, a folder of tars; or what the
        source expects.
      scratch: folder for tars that must be decompressed.
      source: name of a file in `data/sources`, as "folder".
      labels: of the validation images of ImageNet; None to look for them beside its tar.
      **options: of the source, as "classes" and "test".

    Raises:
      UserError: if there are no images, or they are not laid out as the source says.
    """
    tars = _tars(images) if source == "folder" else {}
    validation = [tar for tar in tars if imagenet.SPLITS.get(tar.name) == "val"]
    if labels and not validation:
        raise UserError(f"--labels={labels} must come with ILSVRC2012_img_val.tar")
    if not tars:
        return load(source, path=str(images), **DECODED, **options)
    if validation:
        labels = labels or imagenet.find_labels(validation[0].parent)
    found = {}
    for tar in tars:
        print(f"reading the headers of {tar}", flush=True)
        found[tar] = contents(tar, scratch)
    members = [
        member.below(folder) for tar, folder in tars.items() for member in found[tar].members
    ]
    with as_folder(members) as folder:
        if labels:
            imagenet.place_labels(labels, folder.root)
        loaded = folder.load(str(images), **DECODED, **options)
    notes = [note for tar in tars for note in _left_out(tar, found[tar])]
    return loaded._replace(train=loaded.train._replace(notes=(*notes, *loaded.train.notes)))


def _tars(images: Path) -> dict[Path, str]:
    """The tars to read, each with the folder that it stands for; {} for a folder of files."""
    if images.is_file() and images.name.endswith(SUFFIXES):
        return {images: "val" if imagenet.SPLITS.get(images.name) == "val" else ""}
    if not images.exists():
        raise UserError(f"--images={images} does not exist")
    if images.is_file():
        return {}
    inside = [path for path in images.iterdir() if not path.name.startswith(".")]
    found = sorted(path for path in inside if path.name.endswith(SUFFIXES))
    official = {path: imagenet.SPLITS[path.name] for path in found if path.name in imagenet.SPLITS}
    if official or any(path.is_dir() for path in inside):
        return official
    return {path: without_suffix(path.name) for path in found}


def _left_out(tar: Path, found: Contents) -> list[str]:
    """A note on what is not read of a tar."""
    if not found.left_out:
        return []
    name, reason = found.left_out[0]
    several = f" and {len(found.left_out) - 1:,} more" if len(found.left_out) > 1 else ""
    return [f"left out of {tar}: {name} ({reason}){several}"]


def relative_names(images: EncodedImages) -> Sequence[str]:
    """What records call their images: paths in the folder or the tar."""
    names: Any = getattr(images, "names", None)
    if names is not None and len(names) == len(images):
        return names
    return [images.name(index) for index in range(len(images))]
