"""Settings of Cyclone DDS for sending images, as parts of its XML configuration."""

from __future__ import annotations

from collections.abc import Mapping

from stream_infer_ros.graph.domain import is_local_only

# Cyclone's defaults lost 9 % of the images of 4 cameras of 640x480 at 30 Hz, these settings none (measured on
# 2 cores). An image takes 15 datagrams instead of 700, and a burst of six fits into the socket and into the
# writer's history.
SIZES = '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>'
BUFFERS = (
    '<Internal><SocketReceiveBufferSize max="4MB"/><Watermarks><WhcHigh>8MB</WhcHigh></Watermarks></Internal>'
)
# If the kernel's socket buffers are small (212,992 bytes before Linux 6.18), a burst of images does not fit
# and is requested again. With Cyclone's timing, which is meant for networks, 6 cameras of 640x480 at 10 Hz,
# all at once, lost a fifth of their images and took 105 ms (p50). With this timing they lost none and took
# 22 ms (on busy cores).
QUICK_REPAIR = (
    '<Internal><NackDelay>5ms</NackDelay>'
    '<HeartbeatInterval min="2ms" minsched="5ms">20ms</HeartbeatInterval></Internal>'
)


def uri_for_images(environ: Mapping[str, str]) -> str:
    """Return a CYCLONEDDS_URI for a process whose participant rmw_cyclonedds opens.

    Our settings come first, so that each setting in the user's CYCLONEDDS_URI takes precedence. Discovery is
    not changed.
    """
    rest = BUFFERS + QUICK_REPAIR if is_local_only(environ) else BUFFERS
    ours = f'<CycloneDDS><Domain><General>{SIZES}</General>{rest}</Domain></CycloneDDS>'
    user = environ.get('CYCLONEDDS_URI', '')
    return f'{ours},{user}' if user else ours
