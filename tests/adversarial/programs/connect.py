"""Reach for the cloud's metadata, the bridge, the platform's servers and the names of the world."""

import errno
import socket

TARGETS = (
    ("169.254.169.254", 80),
    ("172.17.0.1", 2375),
    ("10.0.0.1", 53),
    ("192.168.0.1", 80),
    ("127.0.0.1", 5432),
    ("127.0.0.1", 6379),
    ("127.0.0.1", 8000),
    ("1.1.1.1", 443),
    ("255.255.255.255", 67),
)
faults = []
for host, port in TARGETS:
    for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
        with socket.socket(socket.AF_INET, kind) as client:
            client.settimeout(5)
            try:
                client.connect((host, port))
                client.send(b"x")
                # A datagram to the loopback leaves the socket and reaches nobody.
                if kind == socket.SOCK_STREAM or not host.startswith("127."):
                    faults.append(f"{host}:{port}")
            except TimeoutError:
                faults.append(f"{host}:{port} was slow to refuse")
            except OSError:
                pass
for address in ("fe80::1", "::1", "2606:4700::1111"):
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as client:
            client.settimeout(5)
            client.connect((address, 80))
            faults.append(address)
    except TimeoutError:
        faults.append(f"{address} was slow to refuse")
    except OSError:
        pass
try:
    faults.append(str(socket.getaddrinfo("example.com", 80)))
except OSError as error:
    if error.errno == errno.ETIMEDOUT:
        faults.append("names were slow to refuse")
print("ALLOWED" if faults else "refused", *faults)
