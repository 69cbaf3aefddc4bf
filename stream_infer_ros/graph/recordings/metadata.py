"""Reading of metadata.yaml, which describes the storage files of a recording of ROS 2.

The storage files contain all that is needed to read them. metadata.yaml tells which files belong together,
and how many messages there should be. Whatever else it contains may be missing, wrong or new.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any

import yaml

NAME = 'metadata.yaml'


@dataclass(slots=True)
class BagMetadata:
    """The contents of metadata.yaml.

    Attributes:
        files: the names of the storage files in their order; None if they are not listed.
        counts: the number of messages by topic; None if it is not listed.
        types: the message type by topic.
        file_counts: the number of messages by file name, where it is listed.
        fault: what is wrong with it; empty if nothing is.
    """

    files: list[str] | None = None
    counts: dict[str, int] | None = None
    types: dict[str, str] = field(default_factory=dict)
    file_counts: dict[str, int] = field(default_factory=dict)
    fault: str = ''


def read_metadata(folder: Path) -> BagMetadata | None:
    """Read what can be understood of a folder's metadata.yaml; None if there is none."""
    path = folder / NAME
    if not path.is_file():
        return None
    found = BagMetadata()
    try:
        contents = yaml.safe_load(path.read_text(errors='replace'))
        information = contents['rosbag2_bagfile_information']
        listed = information['relative_file_paths']
        found.files = [_file_name(str(own)) for own in listed]
    except yaml.YAMLError as error:
        mark = getattr(error, 'problem_mark', None)
        found.fault = 'it is not valid YAML' + (f' (line {mark.line + 1})' if mark else '')
        return found
    except (KeyError, TypeError, AttributeError, OSError) as error:
        found.fault = f'it does not list the files of a recording ({type(error).__name__}: {error})'
        return found
    _read_counts(information, found)
    return found


def _read_counts(information: dict[str, Any], found: BagMetadata) -> None:
    try:
        counts: dict[str, int] = {}
        for entry in information['topics_with_message_count']:
            topic = str(entry['topic_metadata']['name'])
            counts[topic] = counts.get(topic, 0) + int(entry['message_count'])
            found.types[topic] = str(entry['topic_metadata'].get('type', ''))
        found.counts = counts
    except (KeyError, TypeError, ValueError, AttributeError):
        found.fault = 'it does not list the number of messages of each topic'
    for entry in information.get('files') or []:
        if isinstance(entry, dict) and isinstance(entry.get('message_count'), int):
            found.file_counts[_file_name(str(entry.get('path', '')))] = entry['message_count']


def _file_name(path: str) -> str:
    """Return the last part of a path. Old recorders write the folder too, those on Windows with '\\'."""
    return PureWindowsPath(path).name if '\\' in path else PurePosixPath(path).name
