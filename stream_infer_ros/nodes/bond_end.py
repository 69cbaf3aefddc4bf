"""One side of a bond: the states and timeouts of the protocol of bondcpp and bondpy."""

from __future__ import annotations

from enum import Enum, auto

# The constants of bond/msg/Constants.
CONNECT_TIMEOUT_S = 10.0
DISCONNECT_TIMEOUT_S = 2.0
DEAD_PUBLISH_PERIOD_S = 0.05


class BondState(Enum):
    """The states of bond's own state machine."""

    WAITING_FOR_SISTER = auto()  # no message from the other side yet
    ALIVE = auto()
    AWAIT_SISTER_DEATH = auto()  # this side broke the bond, and repeats this until the other one confirms
    DEAD = auto()


class BondEnd:
    """Decides what to publish and when. Times are passed in, as seconds of any steady clock.

    This side does not break the bond if the other one stops sending. The servers of Nav2 do the same: they
    set `bond_disable_heartbeat_timeout`, because a node without its lifecycle manager continues to work.

    Args:
        period_s: seconds between heartbeats.
        now_s: when the bond begins.

    Example:
        >>> end = BondEnd(period_s=0.1, now_s=0.0)
        >>> end.due(0.0), end.due(0.0), end.next_s
        (True, None, 0.1)
        >>> end.heard(active=True)
        >>> end.state.name
        'ALIVE'
    """

    def __init__(self, period_s: float, now_s: float) -> None:
        self.state = BondState.WAITING_FOR_SISTER
        self._period_s = period_s
        self._give_up_s = now_s + CONNECT_TIMEOUT_S
        self._publish_s = now_s
        self._owes_notice = False  # a last status with active=False is still to be published

    @property
    def next_s(self) -> float | None:
        """The time of the next call of `due`; None once the bond is over."""
        if self._owes_notice:
            return self._publish_s
        if self.state is BondState.DEAD:
            return None
        if self.state is BondState.ALIVE:
            return self._publish_s
        return min(self._publish_s, self._give_up_s)

    def due(self, now_s: float) -> bool | None:
        """Return the `active` of the status to publish now, or None if none is due."""
        waits = self.state in (BondState.WAITING_FOR_SISTER, BondState.AWAIT_SISTER_DEATH)
        if waits and now_s >= self._give_up_s:
            self.state = BondState.DEAD
        if self._owes_notice:
            self._owes_notice = False
            self._publish_s = now_s + DEAD_PUBLISH_PERIOD_S
            return False
        if self.state is BondState.DEAD or now_s < self._publish_s:
            return None
        if self.state is BondState.AWAIT_SISTER_DEATH:
            self._publish_s = now_s + DEAD_PUBLISH_PERIOD_S
            return False
        self._publish_s = now_s + self._period_s
        return True

    def heard(self, active: bool) -> None:
        """Process a status of the other side."""
        if active:
            if self.state is BondState.WAITING_FOR_SISTER:
                self.state = BondState.ALIVE
        elif self.state in (BondState.WAITING_FOR_SISTER, BondState.ALIVE):
            self.state = BondState.DEAD
            self._owes_notice = True
        else:
            self.state = BondState.DEAD

    def break_bond(self, now_s: float) -> None:
        """Leave the bond and notify the other side. A second call does nothing."""
        if self.state is BondState.WAITING_FOR_SISTER:
            self.state = BondState.DEAD
            self._owes_notice = True
        elif self.state is BondState.ALIVE:
            self.state = BondState.AWAIT_SISTER_DEATH
            self._owes_notice = True
            self._give_up_s = now_s + DISCONNECT_TIMEOUT_S
