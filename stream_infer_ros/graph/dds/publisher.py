"""A publisher over DDS."""

from __future__ import annotations

import logging
import threading
from typing import Any

from cyclonedds.core import DDSException
from cyclonedds.idl import IdlStruct
from cyclonedds.pub import DataWriter

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.adapter_base import closed_publisher
from stream_infer_ros.graph.dds import calls
from stream_infer_ros.graph.graph import Cdr

_log = logging.getLogger(__name__)


class DdsPublisher:
    """A `Publisher`. `not_sent` counts messages that were not sent because a reliable subscriber stalled."""

    def __init__(self, topic: str, type_name: str, writer: DataWriter[IdlStruct]) -> None:
        self.topic, self._type_name, self._writer = topic, type_name, writer
        self._lock = threading.Lock()  # held while writing, so that `close` waits for it
        self._closed = False
        self.not_sent = 0

    def publish(self, cdr: Cdr) -> None:
        """As in `Publisher`; also raises GraphError for bytes that are not a message of the topic's type."""
        with self._lock:
            if self._closed:
                raise closed_publisher(self.topic)
            try:
                calls.write(self._writer._ref, cdr)
            except DDSException as error:
                self._explain(cdr, error)

    def close(self) -> None:
        """Refuse further messages. Afterwards no message is being written, and the writer may be deleted."""
        with self._lock:
            self._closed = True

    def subscribers(self) -> int:
        if self._closed:
            return 0
        status: Any = self._writer.get_publication_matched_status()  # type: ignore[no-untyped-call]
        return int(status.current_count)

    def _explain(self, cdr: Cdr, error: DDSException) -> None:
        if error.code == DDSException.DDS_RETCODE_TIMEOUT:
            # The latency bound outweighs one stalled reader: drop the message and report the loss.
            self.not_sent += 1
            if self.not_sent == 1:
                _log.warning(
                    'topic %s: a message was not sent, because a reliable subscriber does not keep up; '
                    'further messages that are not sent are only counted',
                    self.topic,
                )
            return
        raise GraphError(
            f'topic {self.topic}: {len(cdr)} bytes were refused as no {self._type_name} ({error}); '
            'publish the encapsulation header and the fields of that type'
        ) from error
