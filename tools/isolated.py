"""Prepare a new network and mount namespace, then execute the command on the command line.

- It brings up the loopback interface, which is down in a new namespace. `ip link set lo up` would do the
  same, but iproute2 is not on every machine.
- It mounts an empty /dev/shm. Otherwise Fast DDS finds the segments of processes in other network namespaces.
"""

import fcntl
import os
import socket
import struct
import subprocess
import sys

SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1  # <linux/sockios.h>, <linux/if.h>
REQUEST = '16sh22x'  # struct ifreq: name, flags


def bring_up(interface: str) -> None:
    """Set IFF_UP on an interface. Raises OSError without permission."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack(REQUEST, interface.encode(), 0)
        _, flags = struct.unpack(REQUEST, fcntl.ioctl(control, SIOCGIFFLAGS, request))
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack(REQUEST, interface.encode(), flags | IFF_UP))


if __name__ == '__main__':
    bring_up('lo')
    subprocess.run(['mount', '-t', 'tmpfs', 'tmpfs', '/dev/shm'], check=True)
    os.execvp(sys.argv[1], sys.argv[1:])
