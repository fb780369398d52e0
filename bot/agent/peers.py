"""Who is at the other end of a connection on this machine: the kernel knows (proc_net(5))."""

from pathlib import Path

TABLES = (Path("/proc/net/tcp"), Path("/proc/net/tcp6"))
"""One for each kind of socket; one of IPv6 may reach 127.0.0.1, too."""


def uid_behind(port: int, *, asks: int) -> int | None:
    """The uid whose socket at `port` of loopback is connected to ours at `asks`; None: it can't be told here.

    -1: there is no such socket (any more).
    """
    there, ours = f":{port:04X}", f":{asks:04X}"
    seen = False
    for table in TABLES:
        try:
            lines = table.read_text(encoding="ascii").splitlines()[1:]
        except OSError:
            continue
        seen = True
        for line in lines:
            words = line.split()
            if words[1].endswith(there) and words[2].endswith(ours):
                return int(words[7])
    return -1 if seen else None
