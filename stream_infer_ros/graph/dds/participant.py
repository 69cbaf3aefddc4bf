"""Participants in DDS domains, one for each graph.

A process can open a domain only once. The first graph opens it, later graphs with the same configuration use
it too, and the last graph closes it.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TypeVar
from uuid import UUID

from cyclonedds.core import DDSException, Entity, Qos
from cyclonedds.domain import Domain, DomainParticipant
from cyclonedds.qos import Policy

from stream_infer_ros.errors import GraphError
from stream_infer_ros.graph.dds.failure import as_graph_error

_E = TypeVar('_E', bound=Entity)


@dataclass
class _OpenDomain:
    domain: Domain
    xml: str
    users: int = 0


_open_domains: dict[int, _OpenDomain] = {}
_lock = threading.Lock()


def delete(entity: Entity) -> None:
    """Delete a DDS entity now. The binding does so only in its finalizer, which may run twice."""
    entity.__del__()


class Participant:
    """A DDS participant that owns the entities made on it.

    Raises:
        GraphError: the domain is open with another configuration, or the configuration is not accepted.
    """

    def __init__(self, domain_id: int, xml: str) -> None:
        self.domain_id = domain_id
        self._owned: list[Entity] = []
        self._closed = False
        _enter(domain_id, xml)
        try:
            # As rmw does, name the security enclave. Without security, it is the root enclave.
            with as_graph_error(f'joining DDS domain {domain_id}', 'see what Cyclone wrote above'):
                self.entity = DomainParticipant(domain_id, qos=Qos(Policy.Userdata(b'enclave=/;')))
        except GraphError:
            _leave(domain_id)
            raise

    @property
    def guid(self) -> UUID:
        """The identity of this participant in discovery."""
        return self.entity.guid

    def own(self, entity: _E) -> _E:
        """Delete `entity` in `close`, before the entities that were passed earlier; return it."""
        self._owned.append(entity)
        return entity

    def give_up(self, entity: Entity) -> None:
        """Delete an owned entity now. Entities that were created on it must be deleted already."""
        self._owned = [own for own in self._owned if own is not entity]
        delete(entity)

    def close(self) -> None:
        """Delete all owned entities and leave the domain. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        while self._owned:
            delete(self._owned.pop())
        delete(self.entity)
        _leave(self.domain_id)


def _enter(domain_id: int, xml: str) -> None:
    with _lock:
        known = _open_domains.get(domain_id)
        if known is None:
            known = _open_domains[domain_id] = _OpenDomain(_open(domain_id, xml), xml)
        elif known.xml != xml:
            raise GraphError(
                f'DDS domain {domain_id} is already open in this process with another configuration '
                '(loopback, discovery range or CYCLONEDDS_URI differ); use the same configuration, or '
                'another domain_id'
            )
        known.users += 1


def _open(domain_id: int, xml: str) -> Domain:
    try:
        return Domain(domain_id, xml)
    except UnicodeEncodeError as error:
        raise GraphError(
            f'CYCLONEDDS_URI, ROS_STATIC_PEERS: expected ASCII, got {error.object[error.start]!r}'
        ) from error
    except DDSException as error:
        if error.code == DDSException.DDS_RETCODE_PRECONDITION_NOT_MET:
            raise GraphError(
                f'DDS domain {domain_id} was already opened in this process by other code that uses '
                f'cyclonedds; '
                'create this graph first, or use another domain_id'
            ) from error
        raise GraphError(
            f'DDS domain {domain_id}: Cyclone DDS does not accept the configuration ({error}); '
            'check CYCLONEDDS_URI and the messages of Cyclone above'
        ) from error


def _leave(domain_id: int) -> None:
    with _lock:
        known = _open_domains[domain_id]
        known.users -= 1
        # Closing the domain would also delete participants of other code.
        if known.users == 0 and not known.domain.get_participants():
            del _open_domains[domain_id]
            delete(known.domain)
