"""Ports that can be had, ports that cannot, and who has them."""

from __future__ import annotations

import os
import socket
import sys

import pytest

from launch.catalogue import GATEWAY, GRADIO
from launch.errors import LaunchError
from launch.ports import holder_of, is_taken, next_free, refuse_taken
from tests.running import free_port


def test_a_port_is_taken_while_somebody_listens() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        port = sock.getsockname()[1]
        assert is_taken(port)
        assert is_taken(port, "0.0.0.0")
    assert not is_taken(free_port())


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_holder_is_named_with_its_process() -> None:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        assert f"(process {os.getpid()})" in holder_of(sock.getsockname()[1])
    assert holder_of(free_port()) == ""


def test_every_clash_is_named_with_the_variable_to_set() -> None:
    with pytest.raises(LaunchError) as caught:
        refuse_taken({GATEWAY: 8000, GRADIO: 7860}, lambda _: True, lambda _: "nginx (process 7)")
    lines = str(caught.value).splitlines()
    assert lines[0].startswith("Port 8000 (Gateway) is taken by nginx (process 7).")
    assert "GATEWAY_PORT=8001 make demo" in lines[0]
    assert "GRADIO_PORT" in lines[1]


def test_a_holder_that_nobody_knows_is_left_out() -> None:
    with pytest.raises(LaunchError, match=r"Port 8000 \(Gateway\) is taken\. "):
        refuse_taken({GATEWAY: 8000}, lambda _: True, lambda _: "")


def test_the_next_free_port_avoids_what_is_planned() -> None:
    assert next_free(1234, lambda port: port in (1234, 1236), avoid=[1235]) == 1237
