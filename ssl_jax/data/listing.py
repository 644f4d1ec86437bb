"""Which files below a folder are images, and what was left out, so that it can be said."""

import collections
import dataclasses
import os
import stat
from collections.abc import Iterator

from PIL import Image

from ssl_jax.errors import UserError

# Compared in lower case. Other files are opened to see whether they are images, but for these.
_OPENED = (
    ".jpg .jpeg .jpe .jfif .jp2 .j2k .png .apng .gif .bmp .dib .tif .tiff .webp .avif .heic "
    ".heif .pbm .pgm .pnm .ppm"
)
SUFFIXES = frozenset(_OPENED.split())
_NEVER_OPENED = (
    ".txt .md .rst .csv .tsv .json .jsonl .xml .yaml .yml .toml .ini .cfg .log .lst .html .htm "
    ".pdf .doc .docx .xls .xlsx .py .ipynb .m .mat .sh .pkl .pickle .npz .h5 .hdf5 .pt .pth .db "
    ".sqlite .zip .tar .gz .tgz .bz2 .xz .7z .rar .tfrecord .record .array_record .parquet "
    ".arrow .lmdb .mdb .mp4 .mov .avi .mkv .webm .mpg .mpeg .m4v .mp3 .wav .flac .aae .xmp .url "
    ".lnk .md5 .sha256 .license .bib"
)
NOT_IMAGES = frozenset(_NEVER_OPENED.split())
# Formats that are known by their first bytes.
FORMATS = ("JPEG", "PNG", "GIF", "BMP", "TIFF", "WEBP", "AVIF", "JPEG2000", "PPM", "HEIF")
ARRAYS = ".npy"
# What systems and programs put among people's images; in lower case.
FOREIGN_FOLDERS = frozenset(
    (
        *("@eadir", "__macosx", "lost+found", "$recycle.bin", "system volume information"),
        *("#recycle", "#snapshot", "@recycle", "@recently-snapshot", "@tmp", "__pycache__"),
    )
)
FOREIGN_FILES = frozenset(("thumbs.db", "ehthumbs.db", "desktop.ini", "picasa.ini", "icon\r"))
# A file of each kind that a note names.
NAMED = 3
ADVICE = {".heic": "pip install pillow-heif", ".heif": "pip install pillow-heif"}


@dataclasses.dataclass
class LeftOut:
    """What a search passed over.

    suffixes: number of files that are not images, by suffix in lower case; "" for none.
    foreign: names of folders that systems put there.
    special: paths of pipes, sockets and devices, which are never opened.
    """

    suffixes: collections.Counter[str] = dataclasses.field(default_factory=collections.Counter)
    foreign: set[str] = dataclasses.field(default_factory=set)
    special: list[str] = dataclasses.field(default_factory=list)

    def notes(self, folder: str) -> Iterator[str]:
        """One line for each kind of thing.

        >>> left = LeftOut(collections.Counter({".heic": 2, "": 1}), {"@eaDir"})
        >>> list(left.notes("PHOTOS"))
        ['left out in PHOTOS, not images that can be opened: 2 .heic, 1 without suffix; for .heic, \
pip install pillow-heif', 'left out in PHOTOS, not of the set: @eaDir']
        """
        if self.suffixes:
            kinds = [f"{n:,} {kind or 'without suffix'}" for kind, n in self.suffixes.most_common()]
            advice = sorted({f"; for {k}, {ADVICE[k]}" for k in self.suffixes if k in ADVICE})
            what = f"not images that can be opened: {', '.join(kinds)}{''.join(advice)}"
            yield f"left out in {folder}, {what}"
        if self.foreign:
            yield f"left out in {folder}, not of the set: {', '.join(sorted(self.foreign))}"
        if self.special:
            named = ", ".join(self.special[:NAMED]) + (", ..." if self.special[NAMED:] else "")
            yield f"left out in {folder}, neither files nor folders: {named}"


def find_files(
    folder: str,
    below: str = "",
    left: LeftOut | None = None,
    above: tuple[str, ...] = (),
    *,
    deep: bool = True,
) -> Iterator[tuple[str, int]]:
    """Searches a folder and its subfolders for image files and arrays (.npy).

    Args:
      folder: where to search.
      below: path of `folder` relative to the folder where the search began.
      left: is told what is passed over.
      above: real paths of the folders around it; links back to these are ignored.
      deep: search the subfolders as well.

    Yields:
      (path relative to the folder where the search began, size in bytes) of each file; the size of
      a broken link is 0.

    Raises:
      UserError: if a folder cannot be read.
    """
    left = LeftOut() if left is None else left
    above = (*above, os.path.realpath(folder))
    for entry in _entries(folder):
        name = os.path.join(below, entry.name)
        if entry.name.startswith("."):
            continue
        kind, size = _kind(entry)
        if kind == "folder":
            if entry.name.lower() in FOREIGN_FOLDERS:
                left.foreign.add(entry.name)
            elif deep and os.path.realpath(entry.path) not in above:
                yield from find_files(entry.path, name, left, above)
        elif kind == "special":
            left.special.append(name)
        elif entry.name.lower() not in FOREIGN_FILES:
            suffix = suffix_of(entry.name)
            if suffix in SUFFIXES and _can_open(suffix) or suffix == ARRAYS or _is_image(entry):
                yield name, size
            else:
                left.suffixes[suffix] += 1


def subfolders(folder: str) -> list[str]:
    """Names of the folders in a folder, sorted, without hidden and foreign ones."""
    return sorted(
        entry.name
        for entry in _entries(folder)
        if not entry.name.startswith(".")
        and entry.name.lower() not in FOREIGN_FOLDERS
        and _is_folder(entry)
    )


def holds_images(folder: str) -> bool:
    """Whether there is an image anywhere below; it stops at the first."""
    return next(find_files(folder), None) is not None


def suffix_of(name: str) -> str:
    """The suffix in lower case; "" for a name without, or with one that is a number or has spaces.

    >>> [suffix_of(name) for name in ("a.JPG", "IMG_1", "scan.0001", "Dr. Who")]
    ['.jpg', '', '', '']
    """
    suffix = os.path.splitext(name)[1].lower()
    return "" if suffix[1:].isdigit() or " " in suffix or suffix == "." else suffix


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except OSError as error:
        raise UserError(f"{folder} cannot be read: {error.strerror}") from error


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a circle of links
        return False


def _kind(entry: os.DirEntry[str]) -> tuple[str, int]:
    """("folder", "file" or "special", size); links are followed, a broken one is a file."""
    try:
        found = entry.stat()
    except OSError:  # a broken link, or a circle of links
        return "file", 0
    if stat.S_ISDIR(found.st_mode):
        return "folder", 0
    return ("file", found.st_size) if stat.S_ISREG(found.st_mode) else ("special", 0)


def _can_open(suffix: str) -> bool:
    """Whether the installed Pillow has what opens files of this suffix (HEIC is a plugin)."""
    return suffix not in ADVICE or suffix in Image.registered_extensions()


def _is_image(entry: os.DirEntry[str]) -> bool:
    """Whether the first bytes are those of an image, whatever the file is called."""
    if suffix_of(entry.name) in NOT_IMAGES:
        return False
    try:
        Image.init()
        with Image.open(entry.path, formats=[name for name in FORMATS if name in Image.OPEN]):
            return True
    except Exception:  # of any type, for what is no image
        return False
