"""Subscriptions that adopt the QoS of their publishers.

They are reliable if every publisher is, and best_effort otherwise. They are transient_local if every
publisher is, and volatile otherwise. rmw decides the same for its best_available profile, but only once.

DDS matches a best_effort reader with any writer, but does not send it anything twice. If the kernel's socket
buffers are small (212,992 bytes before Linux 6.18), almost no 640x480 image arrives completely that way. A
reliable reader receives all images of a reliable camera, but none of a best_effort camera. Likewise, only a
transient_local reader receives a CameraInfo that was published before it existed, and it receives nothing
from a volatile writer. The reader is therefore created when the first publisher is discovered. If a publisher
that offers less appears later, the reader is replaced by one that requests less.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace

from stream_infer_ros.graph.graph import Qos
from stream_infer_ros.graph.guarded_callback import GuardedCallback


@dataclass(slots=True)
class _Wish:
    topic: str
    type_name: str
    qos: Qos
    callback: GuardedCallback
    made_as: Qos | None = None
    give_up: Callable[[], None] | None = None

    @property
    def is_final(self) -> bool:
        """True if the reader requests the least already, as far as that is left open."""
        return self.made_as is not None and self.made_as == _granted(
            self.qos, [Qos('best_effort', 'volatile')]
        )


class BestAvailable:
    """Creates the readers for subscriptions ("wishes") according to the known publishers.

    All methods except `wish` must be called on the receiver's thread.

    Args:
        offered: called as `offered(topic, type_name)`; returns the QoS that publishers offer now.
        make: called as `make(topic, type_name, qos, callback)`; creates a reader and returns a function that
            deletes it.
    """

    def __init__(
        self,
        offered: Callable[[str, str], Collection[Qos]],
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
            if wish.is_final:
                continue
            offered = list(self._offered(wish.topic, wish.type_name))
            if not offered:
                continue
            before = [] if wish.made_as is None else [wish.made_as]
            best = _granted(wish.qos, offered + before)
            if best != wish.made_as:
                if wish.give_up is not None:
                    wish.give_up()
                wish.made_as = best
                wish.give_up = self._make(wish.topic, wish.type_name, best, wish.callback)

    @property
    def is_settled(self) -> bool:
        """True if no publisher that may still appear can change a subscription."""
        return all(wish.is_final for wish in self._wishes)


def _granted(wanted: Qos, offered: Collection[Qos]) -> Qos:
    """Return `wanted` with each best_available policy as the strongest that all of `offered` have."""
    if wanted.reliability == 'best_available':
        weak = any(offer.reliability == 'best_effort' for offer in offered)
        wanted = replace(wanted, reliability='best_effort' if weak else 'reliable')
    if wanted.durability == 'best_available':
        weak = any(offer.durability == 'volatile' for offer in offered)
        wanted = replace(wanted, durability='volatile' if weak else 'transient_local')
    return wanted
