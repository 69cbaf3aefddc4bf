"""bond/msg/Status: the heartbeat of one side of a bond, or its notice that it leaves the bond."""

from __future__ import annotations

from dataclasses import dataclass

from stream_infer_ros.messages.cdr_reader import Cdr, CdrReader
from stream_infer_ros.messages.cdr_writer import CdrWriter

TYPE_NAME = 'bond/msg/Status'


@dataclass(frozen=True, slots=True)
class BondStatus:
    """The status of a bond, as published by one side.

    Attributes:
        stamp_ns: header stamp in nanoseconds.
        bond_id: name that both sides of a bond share. In Nav2, it is the name of the managed node.
        instance_id: unique name of this side.
        active: False once this side has broken the bond.
        heartbeat_timeout_s: time without a heartbeat after which this side considers the other side dead.
        heartbeat_period_s: time between the heartbeats of this side.
    """

    stamp_ns: int
    bond_id: str
    instance_id: str
    active: bool
    heartbeat_timeout_s: float
    heartbeat_period_s: float


def encode_bond_status(status: BondStatus) -> bytes:
    """Encode a status. Its frame_id is empty, as in bondcpp."""
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
