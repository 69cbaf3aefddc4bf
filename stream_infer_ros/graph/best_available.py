"""Subscriptions that are reliable if every publisher is, and best_effort otherwise.

DDS matches a best_effort reader with any writer, but does not send it anything twice. If the kernel's socket
buffers are small (212,992 bytes before Linux 6.18), almost no 640x480 image arrives completely that way. A
reliable reader receives all images of a reliable camera, but none of a best_effort camera. The reader is
therefore created when the first publisher is discovered. If a best_effort publisher appears later, the reader
is replaced by a best_effort one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.guarded_callback import GuardedCallback


@dataclass(slots=True)
class _Wish:
    topic: str
    type_name: str
    qos: Qos
    callback: GuardedCallback
    made_as: Literal['reliable', 'best_effort', 'nothing'] = 'nothing'
    give_up: Callable[[], None] | None = None


class BestAvailable:
    """Creates the readers for subscriptions ("wishes") according to the known publishers.

    All methods except `wish` must be called on the receiver's thread.

    Args:
        offered: called as `offered(topic, type_name)`; returns the reliabilities that publishers offer now.
        make: called as `make(topic, type_name, qos, callback)`; creates a reader and returns a function that
            deletes it.
    """

    def __init__(
        self,
        offered: Callable[[str, str], set[str]],
        make: Callable[[str, str, Qos, GuardedCallback], Callable[[], None]],
    ) -> None:
        self._offered, self._make = offered, make
        self._wishes: list[_Wish] = []

    def wish(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> None:
        """Add a subscription. The next `decide` that knows a publisher creates its reader."""
        self._wishes.append(_Wish(topic, type_name, qos, callback))

    def decide(self) -> None:
        """Create or replace readers according to the publishers that are known now."""
        for wish in list(self._wishes):
            if wish.made_as == 'best_effort':
                continue
            offered = self._offered(wish.topic, wish.type_name)
            if not offered:
                continue
            best: Literal['reliable', 'best_effort'] = (
                'best_effort' if 'best_effort' in offered else 'reliable'
            )
            if best != wish.made_as:
                if wish.give_up is not None:
                    wish.give_up()
                wish.made_as = best
                wish.give_up = self._make(
                    wish.topic, wish.type_name, replace(wish.qos, reliability=best), wish.callback
                )

    def made_as(self) -> set[str]:
        """Return the kinds of readers of all subscriptions.

        They are 'nothing' (there is no publisher yet), 'reliable' (may still be replaced) or 'best_effort'
        (final).
        """
        return {wish.made_as for wish in self._wishes}
