"""bond/msg/Status: a heartbeat from one side of a bond, or the notice that this side leaves it."""

from __future__ import annotations

from dataclasses import dataclass

from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'bond/msg/Status'


@dataclass(frozen=True, slots=True)
class BondStatus:
    """The status of a bond as one side publishes it.

    Attributes:
        stamp_ns: header stamp, nanoseconds.
        bond_id: the name that both sides of a bond share; in Nav2 the name of the managed node.
        instance_id: unique for each side.
        active: False once this side has broken the bond.
        heartbeat_timeout_s: seconds without a heartbeat after which this side considers the other one dead.
        heartbeat_period_s: seconds between this side's heartbeats.
    """

    stamp_ns: int
    bond_id: str
    instance_id: str
    active: bool
    heartbeat_timeout_s: float
    heartbeat_period_s: float


def encode_bond_status(status: BondStatus) -> bytes:
    """Encode a status. Its frame is empty, as in bondcpp."""
    writer = CdrWriter(TYPE_NAME)
    writer.header(status.stamp_ns, '')
    writer.string(status.bond_id)
    writer.string(status.instance_id)
    writer.uint8(int(status.active))
    writer.float32(status.heartbeat_timeout_s)
    writer.float32(status.heartbeat_period_s)
    return writer.finish()


def decode_bond_status(cdr: Cdr) -> BondStatus:
    """Decode a status. Raises MessageError."""
    reader = CdrReader(cdr, TYPE_NAME)
    stamp_ns, _ = reader.header()
    bond_id = reader.string()
    instance_id = reader.string()
    active = reader.uint8() != 0
    timeout_s, period_s = reader.float32(), reader.float32()
    reader.end()
    return BondStatus(stamp_ns, bond_id, instance_id, active, timeout_s, period_s)
