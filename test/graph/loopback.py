"""Cyclone DDS kept to this machine, for whoever takes a CYCLONEDDS_URI: no packet of the tests leaves it.

The lease is short, so that a test sees within a second that a process was killed.
"""

LOOPBACK = (
    '<CycloneDDS><Domain><General>'
    '<Interfaces><NetworkInterface name="lo" multicast="false"/></Interfaces>'
    '<AllowMulticast>false</AllowMulticast>'
    '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize></General>'
    '<Discovery><ParticipantIndex>auto</ParticipantIndex><LeaseDuration>1s</LeaseDuration>'
    '<Peers><Peer address="127.0.0.1"/></Peers></Discovery>'
    '<Internal><SocketReceiveBufferSize max="4MB"/><Watermarks><WhcHigh>8MB</WhcHigh></Watermarks></Internal>'
    '</Domain></CycloneDDS>'
)
