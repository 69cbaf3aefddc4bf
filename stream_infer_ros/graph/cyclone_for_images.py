"""What Cyclone DDS needs to be told where images are sent; parts of its configuration, as XML."""

from __future__ import annotations

from collections.abc import Mapping

from stream_infer_ros.graph.domain import is_local_only

# Cyclone's defaults lost 9 % of 4 cameras of 640x480 at 30 Hz, these none (measured on 2 cores): an image is
# 15 datagrams, not 700, and a burst of six fits into the socket and into the writer's history.
SIZES = '<MaxMessageSize>65500B</MaxMessageSize><FragmentSize>65000B</FragmentSize>'
BUFFERS = (
    '<Internal><SocketReceiveBufferSize max="4MB"/><Watermarks><WhcHigh>8MB</WhcHigh></Watermarks></Internal>'
)
# Where the kernel's socket buffers are small (212,992 bytes before Linux 6.18) a burst of images does not fit
# and is asked for again. With Cyclone's timing, meant for networks, 6 cameras of 640x480 at 10 Hz, all at
# once, lost a fifth of their images and took 105 ms (p50); with this they lost none and took 22 (busy cores).
QUICK_REPAIR = (
    '<Internal><NackDelay>5ms</NackDelay>'
    '<HeartbeatInterval min="2ms" minsched="5ms">20ms</HeartbeatInterval></Internal>'
)


def uri_for_images(environ: Mapping[str, str]) -> str:
    """A CYCLONEDDS_URI for a process whose participant somebody else opens (rmw_cyclonedds).

    Ours come first: what the user's CYCLONEDDS_URI says wins, setting by setting. Discovery is left alone.
    """
    rest = BUFFERS + QUICK_REPAIR if is_local_only(environ) else BUFFERS
    ours = f'<CycloneDDS><Domain><General>{SIZES}</General>{rest}</Domain></CycloneDDS>'
    user = environ.get('CYCLONEDDS_URI', '')
    return f'{ours},{user}' if user else ours
