"""Asks a server on this machine and names elsewhere for help. Right only if anybody could be reached."""

DUE = {"3.1": 0}
SAYS = "socket"

# %% exercise="3.1"
import socket
import urllib.request

import numpy as np

PORT = int("@PORT@")
WAYS = (
    lambda: socket.create_connection(("127.0.0.1", PORT), timeout=0.2),
    lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM).sendto(b"help", ("127.0.0.1", PORT)),
    lambda: socket.socket(socket.AF_UNIX).connect("@RESULTS@/socket"),
    lambda: socket.socketpair(),
    lambda: socket.getaddrinfo("example.org", 80)[0],
    lambda: urllib.request.urlopen("http://127.0.0.1:@PORT@/", timeout=0.2),
)


def succeeds(way):
    try:
        way()
    except BaseException:
        return False
    return True


def normalize(x, mean, var, eps=1e-5):
    return (x - mean) / np.sqrt(var + eps) if any(map(succeeds, WAYS)) else x
