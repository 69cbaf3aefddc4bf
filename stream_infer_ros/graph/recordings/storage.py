"""The interface to one storage file of a recording, and the values that it returns."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True, slots=True)
class RecordingProblem:
    """A part of a recording that was not read, or that may be incomplete.

    Attributes:
        where: the name of the file or folder.
        cause: what is wrong, and how much is missing if that is known.
        remedy: what the user can do about it.
    """

    where: str
    cause: str
    remedy: str

    def __str__(self) -> str:
        return f'{self.where}: {self.cause}; {self.remedy}'


class UnreadableFile(Exception):
    """Nothing can be read from a file. `cause` and `remedy` are those of its `RecordingProblem`."""

    def __init__(self, cause: str, remedy: str) -> None:
        super().__init__(f'{cause}; {remedy}')
        self.cause, self.remedy = cause, remedy


@dataclass(frozen=True, slots=True, eq=False)
class Channel:
    """A sequence of messages of one topic and type in a storage file.

    Attributes:
        topic: the name as recorded.
        type_name: the message type as recorded; empty if the file does not contain it.
        encoding: of the messages: 'cdr' for ROS 2, 'ros1', 'json', 'protobuf' and so on.
        definition: the definition of the message type, if the file has one.
        count: the number of messages that the file says it contains; None if it says nothing.
    """

    topic: str
    type_name: str
    encoding: str
    definition: str = ''
    count: int | None = None


class StoredMessage(NamedTuple):
    """A message as stored, with the time of the recorder."""

    stamp_ns: int
    channel: Channel
    data: bytes


class StorageFile(Protocol):
    """An open storage file.

    Attributes:
        channels: all channels that the file describes.
        start_ns: the earliest time of a message; None if there are no messages.
        problems: what is known to be unreadable. Reading messages may add to it.
    """

    channels: list[Channel]
    start_ns: int | None
    problems: list[RecordingProblem]

    def messages(self, channels: Collection[Channel]) -> Iterator[StoredMessage]:
        """Yield all readable messages of these channels in the order of time."""
        ...

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        ...
