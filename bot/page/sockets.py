"""Where the page listens."""

import socket


def listen(host: str, port: int) -> socket.socket:
    """A socket that listens there; port 0: any that is free. Raises `OSError`."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind(address)
        bound.listen(256)
    except OSError:
        bound.close()
        raise
    return bound
