"""Which TaskManagers can meet at a Unix socket: those of one user that see one file system. Used by the supervisor.

Slots with the same identity talk over sockets in each other's folders; all others need mutual TLS. Never a host's name alone: two
pods of a node, or two containers, may share that and see different files.
"""

import os
from pathlib import Path

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOUNTS = Path("/proc/self/ns/mnt")


def host_identity(folder: Path) -> str:
    """The running kernel, the mount namespace and the user.

    Where the kernel does not tell, `folder` stands for them: then a TaskManager meets only its own slots.
    """
    try:
        return f"{_BOOT.read_text().strip()}:{os.readlink(_MOUNTS)}:{os.getuid()}"
    except OSError:
        return f"{os.uname().nodename}:{folder}"
