"""Writes features to npz, csv and parquet files."""

import csv
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32

from ssl_jax.errors import UserError

NAMES_AT_A_TIME = 1024
FORMULAS = ("=", "+", "-", "@", "\t", "\r", "\n")  # beginnings of what a spreadsheet computes


def check(output: Path) -> None:
    """Checks that an output can be written in the format of its suffix.

    Raises:
      UserError: if there is no such format, or if the library for parquet is not installed.
    """
    kind = output.suffix.lower()
    if kind not in WRITERS:
        raise UserError(f"--output={output} must end in {', '.join(WRITERS)}")
    if kind == ".parquet":
        try:
            import pyarrow.parquet  # noqa: F401
        except ImportError:
            raise UserError(f"--output={output} needs: pip install ssl_jax[parquet]") from None


def write_npz(
    path: Path, names: Sequence[str], features: Iterable[Float32[np.ndarray, "_n d"]], width: int
) -> None:
    """Writes `features` float32 [N, d] and `paths` str [N].

    The format is that of np.savez, which would need the whole arrays in memory.
    """
    longest = np.dtype(f"<U{max(map(len, names))}")
    starts = range(0, len(names), NAMES_AT_A_TIME)
    paths = (np.array(names[start : start + NAMES_AT_A_TIME], longest) for start in starts)
    with zipfile.ZipFile(path, "w") as archive:
        _add_array(archive, "features", np.dtype("<f4"), (len(names), width), features)
        _add_array(archive, "paths", longest, (len(names),), paths)


def _add_array(
    archive: zipfile.ZipFile,
    name: str,
    dtype: np.dtype[Any],
    shape: tuple[int, ...],
    parts: Iterable[np.ndarray],
) -> None:
    header = {"descr": dtype.str, "fortran_order": False, "shape": shape}
    # A ZipInfo without a date is dated 1980, so that equal features give equal files.
    with archive.open(zipfile.ZipInfo(f"{name}.npy"), "w", force_zip64=True) as file:
        np.lib.format.write_array_header_1_0(file, header)
        for part in parts:
            file.write(np.ascontiguousarray(part, dtype).data)


def write_csv(
    path: Path, names: Sequence[str], features: Iterable[Float32[np.ndarray, "_n d"]], width: int
) -> None:
    """Writes columns path, f0, f1, ...; numbers have enough digits to restore float32 exactly.

    A spreadsheet computes a cell that begins like a formula: such paths have a ' in front.
    """
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["path", *(f"f{index}" for index in range(width))])
        rows = (row for part in features for row in part)
        for name, row in zip(names, rows, strict=True):
            writer.writerow([in_cell(in_unicode(name)), *map(str, row)])


def write_parquet(
    path: Path, names: Sequence[str], features: Iterable[Float32[np.ndarray, "_n d"]], width: int
) -> None:
    """Writes columns path (string) and features (fixed-size list of float32)."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([("path", pa.string()), ("features", pa.list_(pa.float32(), width))])
    start = 0
    with pq.ParquetWriter(path, schema) as writer:
        for part in features:
            paths = [in_unicode(name) for name in names[start : start + len(part)]]
            rows = pa.FixedSizeListArray.from_arrays(pa.array(part.ravel()), width)
            writer.write_batch(pa.record_batch([pa.array(paths, pa.string()), rows], schema=schema))
            start += len(part)


def in_unicode(name: str) -> str:
    """A file name in which bytes that are not Unicode are escaped as \\udcXX.

    >>> in_unicode("a\\udcff.png")
    'a\\\\udcff.png'
    """
    return name.encode("utf-8", "backslashreplace").decode()


def in_cell(text: str) -> str:
    """Text that no spreadsheet takes for a formula when it opens a CSV file.

    >>> in_cell("=cmd|' /C calc'!A0"), in_cell("a=b.png")
    ("'=cmd|' /C calc'!A0", 'a=b.png')
    """
    return f"'{text}" if text.startswith(FORMULAS) else text


WRITERS = {".npz": write_npz, ".csv": write_csv, ".parquet": write_parquet}
