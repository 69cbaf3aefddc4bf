"""Subscriptions that take what is offered: reliable where every publisher is, else best_effort.

DDS matches a best_effort reader with any writer, but sends it nothing twice: where the kernel's socket
buffers are small (212,992 bytes before Linux 6.18) almost no 640x480 image arrives whole that way, and a
reliable reader gets them all. But a reliable reader gets nothing from a best_effort camera. So the reader
is made when the first publisher is discovered, and made anew as best_effort if one that offers no more
comes later.
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
    """Decides for each wish by the publishers known.

    `offered(topic, type_name)` tells which reliabilities they offer now; `make(topic, type_name, qos,
    callback)` makes a reader and returns what undoes that. All but `wish` is for the receiver's thread alone.
    """

    def __init__(
        self,
        offered: Callable[[str, str], set[str]],
        make: Callable[[str, str, Qos, GuardedCallback], Callable[[], None]],
    ) -> None:
        self._offered, self._make = offered, make
        self._wishes: list[_Wish] = []

    def wish(self, topic: str, type_name: str, qos: Qos, callback: GuardedCallback) -> None:
        """Have a reader made by the next `decide` that knows how."""
        self._wishes.append(_Wish(topic, type_name, qos, callback))

    def decide(self) -> None:
        """Look at the publishers again."""
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
        """What was decided by now, all wishes together: 'nothing' (no publisher yet), 'reliable' (may have to
        give way), 'best_effort' (for good)."""
        return {wish.made_as for wish in self._wishes}
