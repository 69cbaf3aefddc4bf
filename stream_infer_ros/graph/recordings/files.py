"""Search for the storage files of a recording, and opening of one file."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from stream_infer_ros.errors import BagError
from stream_infer_ros.graph.recordings import foreign_files, mcap_records, rosbag1
from stream_infer_ros.graph.recordings.compression import compression_of, decompress_file
from stream_infer_ros.graph.recordings.mcap import McapFile
from stream_infer_ros.graph.recordings.metadata import NAME, BagMetadata, read_metadata
from stream_infer_ros.graph.recordings.rosbag1 import Rosbag1File
from stream_infer_ros.graph.recordings.sqlite import SqliteFile
from stream_infer_ros.graph.recordings.storage import RecordingProblem, StorageFile, UnreadableFile

_STORAGE = ('.mcap', '.db3', '.bag', '.active')
_PACKED = ('.zstd', '.zst', '.lz4', '.gz', '.bz2', '.xz')
_SQLITE_MAGIC = b'SQLite format 3\0'
_DEEPEST = 4  # folders within folders
_REINDEX = '`ros2 bag reindex` writes a new one'
_MOST_NAMES = 6


@dataclass(slots=True)
class BagFiles:
    """The storage files of one recording.

    Attributes:
        folder: the folder that contains them.
        files: the files to open.
        metadata: the contents of metadata.yaml, if there is one that describes all of `files`.
        types: the message type by topic, from metadata.yaml.
        problems: files that are missing, or that do not belong to the recording.
    """

    folder: Path
    files: list[Path]
    metadata: BagMetadata | None = None
    types: dict[str, str] = field(default_factory=dict)
    problems: list[RecordingProblem] = field(default_factory=list)


def find_bags(path: Path) -> list[BagFiles]:
    """Return the recordings at a path: a storage file, the folder of a recording, or a folder of several.

    Raises:
        BagError: there is none.
    """
    if not path.exists():
        raise BagError(
            f'{path}: expected a recording (a folder, .mcap, .db3 or .bag), found none; check the path'
        )
    if not path.is_dir():
        return [_single(path)]
    bags = _in_folder(path, _DEEPEST)
    if not bags:
        names = sorted(own.name for own in path.iterdir())
        raise BagError(
            f'{path}: expected a recording, found a folder without an .mcap, .db3 or .bag file '
            f'(it contains {names_of(names) or "nothing"}); name the folder of the recording'
        )
    return bags


def names_of(names: list[str]) -> str:
    """Join names, and leave out the last ones if there are many."""
    more = f' and {len(names) - _MOST_NAMES} more' if len(names) > _MOST_NAMES else ''
    return ', '.join(names[:_MOST_NAMES]) + more


def open_file(path: Path, name: str, folder: Path) -> StorageFile:
    """Open a storage file by its contents, whatever its suffix is.

    Args:
        path: the file.
        name: its name in problems.
        folder: a temporary folder for a file that must be decompressed.

    Raises:
        UnreadableFile: it is not a recording, or nothing in it can be read.
        OSError: the system refuses to read it.
    """
    head, intact = _head(path), True
    if compression := compression_of(head):
        packed, path = path, Path(tempfile.mkdtemp(dir=folder)) / path.stem
        try:
            intact = decompress_file(packed, path, compression)
        except OSError as error:
            raise UnreadableFile(
                f'it is compressed ({compression}) and cannot be decompressed to {folder.parent} '
                f'({error.strerror})',
                'free space there, or set TMPDIR to a folder with space',
            ) from error
        head = _head(path)
    opened = _open_plain(path, name, head)
    if not intact:
        cause = f'its compression ({compression}) is damaged or cut short; what comes after that was not read'
        opened.problems.append(RecordingProblem(name, cause, 'copy the file again'))
    return opened


def _open_plain(path: Path, name: str, head: bytes) -> StorageFile:
    if head.startswith(mcap_records.MAGIC):
        return McapFile(path, name)
    if head.startswith(_SQLITE_MAGIC):
        return SqliteFile(path, name)
    if head.startswith(rosbag1.MAGIC):
        return Rosbag1File(path, name)
    raise foreign_files.refuse(head, path.stat().st_size)


def _head(path: Path) -> bytes:
    with path.open('rb') as file:
        return file.read(foreign_files.SNIFFED_BYTES)


def _single(path: Path) -> BagFiles:
    """Return a bag of one file, with the metadata beside it if it describes no other file."""
    metadata = read_metadata(path.parent)
    if metadata is None or metadata.files is None or path.name not in metadata.files:
        return BagFiles(path.parent, [path])
    if len(metadata.files) == 1:
        return BagFiles(path.parent, [path], metadata, metadata.types)
    number = metadata.files.index(path.name) + 1
    problem = RecordingProblem(
        path.name,
        f'it is file {number} of {len(metadata.files)} of a recording; the others are not read',
        'name the folder to read all of them',
    )
    return BagFiles(path.parent, [path], None, metadata.types, [problem])


def _in_folder(folder: Path, depth: int) -> list[BagFiles]:
    """Return the recording in a folder, or those in its folders."""
    entries = sorted(folder.iterdir())
    present = [own for own in entries if own.is_file() and _is_storage(own)]
    metadata = read_metadata(folder)
    if metadata is not None:
        return [_with_metadata(folder, present, metadata)]
    bags = [BagFiles(folder, present)] if present else []
    if depth:
        bags += [bag for own in entries if own.is_dir() for bag in _in_folder(own, depth - 1)]
    return bags


def _with_metadata(folder: Path, present: list[Path], metadata: BagMetadata) -> BagFiles:
    bag = BagFiles(folder, list(present), metadata, metadata.types)

    def tell(cause: str, remedy: str) -> None:
        bag.problems.append(RecordingProblem(folder.name, cause, remedy))

    if metadata.fault:
        tell(
            f'{NAME} is not used: {metadata.fault}; the storage files are read without it, so that missing '
            'messages may not be noticed',
            _REINDEX,
        )
    if metadata.files is None:
        return bag
    listed = {name: _variant(folder, name) for name in metadata.files}
    bag.files = list(dict.fromkeys(path for path in listed.values() if path is not None))
    extra = [path for path in present if path not in bag.files]
    bag.files += extra
    missing = [name for name, path in listed.items() if path is None]
    if missing:
        known = sum(metadata.file_counts.get(name, 0) for name in missing)
        tell(
            f'{names_of(missing)} {"is" if len(missing) == 1 else "are"} listed in {NAME}, but missing'
            + (f' ({known} messages)' if known else '')
            + (f'; read instead: {names_of([p.name for p in extra])}' if extra else ''),
            'copy what is missing into the folder; if it was renamed or left out on purpose, ' + _REINDEX,
        )
    elif extra:
        tell(
            f'{names_of([p.name for p in extra])} is not listed in {NAME}, and is read too',
            'move it away if it does not belong to the recording; otherwise, ' + _REINDEX,
        )
    return bag


def _variant(folder: Path, name: str) -> Path | None:
    """Return the file, or the same file with or without compression; None if it is missing."""
    path = folder / name
    others = (
        [path.with_suffix('')] if path.suffix in _PACKED else [folder / f'{name}{own}' for own in _PACKED]
    )
    return next((own for own in (path, *others) if own.is_file()), None)


def _is_storage(path: Path) -> bool:
    return (path.with_suffix('') if path.suffix in _PACKED else path).suffix in _STORAGE
