"""Machines on one machine: namespaces with a network, a host name, processes and a disk of their own."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

HEAD = "10.77.0.1"
"Where all that is shared listens. The network is in a namespace: outside it the address means nothing."
BRIDGE = "crawlers"
NAMESPACES = ("--net", "--mount", "--uts", "--pid", "--fork", "--kill-child", "--mount-proc")
ENTERED = "--entered"
INIT = """
hostname "$1"; mount --bind "$2" "$3"; ip link set lo up; read -r _
shift 3
while :; do "$@"; sleep 1; done
"""
"The first process of a machine: it waits for its network, and starts its service again as systemd would."
KEEP_INIT = '"$@"; exit $?'
"So that bash stays: it waits for processes whose parents have ended."


def has_namespaces() -> bool:
    """Whether machines can be made here: that needs root and iproute2."""
    if os.geteuid() != 0 or not shutil.which("ip"):
        return False
    return subprocess.run(["unshare", *NAMESPACES, "true"], capture_output=True, check=False).returncode == 0


def enter(script: str, arguments: Sequence[str]) -> NoReturn:
    """Start the script again, with ENTERED, in namespaces whose end is the end of everything it starts."""
    words = ["bash", "-c", KEEP_INIT, "bash", sys.executable, script, ENTERED, *arguments]
    os.execvp("unshare", ["unshare", *NAMESPACES, *words])


def build_bridge() -> None:
    """The network to which machines are joined, and this namespace as HEAD."""
    run("hostname", "head")
    run("ip", "link", "set", "lo", "up")
    run("ip", "link", "add", BRIDGE, "type", "bridge")
    run("ip", "address", "add", f"{HEAD}/24", "dev", BRIDGE)
    run("ip", "link", "set", BRIDGE, "up")


class Machine:
    """A machine whose disk is a folder, seen under the same path on each; its service is always running."""

    def __init__(
        self, number: int, folder: Path, service: Sequence[str | Path], environment: Mapping[str, str]
    ) -> None:
        self.name = f"m{number}"
        self.address = f"10.77.0.{10 + number}"
        self.disk = folder / self.name
        self.log = folder / f"{self.name}.log"
        self._mount = folder / "disk"
        self._environment = dict(environment)
        self.disk.mkdir()
        self._mount.mkdir(exist_ok=True)
        words = ["bash", "-c", INIT, "bash", self.name, self.disk, self._mount, *service]
        self._process = subprocess.Popen(
            ["unshare", *NAMESPACES, *words],
            stdin=subprocess.PIPE,
            stdout=self.log.open("ab"),
            stderr=subprocess.STDOUT,
            env=self._environment,
        )
        self._init = wait_for_child(self._process.pid)
        self._join_network()

    def _join_network(self) -> None:
        run("ip", "link", "add", self._cable, "type", "veth", "peer", "name", "net0", "netns", self._init)
        run("ip", "link", "set", self._cable, "master", BRIDGE, "up")
        for words in (["address", "add", f"{self.address}/24", "dev", "net0"], ["link", "set", "net0", "up"]):
            run("nsenter", "--target", self._init, "--net", "ip", *words)
        assert self._process.stdin
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()

    @property
    def _cable(self) -> str:
        """This end of it, at the bridge."""
        return f"cable-{self.name}"

    def run(self, *words: str | Path, seconds: float = 600) -> subprocess.CompletedProcess[str]:
        """A command there, waited for."""
        enter_words = ["nsenter", "--target", str(self._init), "--mount", "--net", "--uts", "--pid"]
        return subprocess.run(
            [*enter_words, *words],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
        )

    def kill_service(self) -> None:
        """SIGKILL for the service alone, which is started again; its children go on."""
        service = Path(f"/proc/{self._init}/task/{self._init}/children").read_text().split()[0]
        os.kill(int(service), signal.SIGKILL)

    def kill(self) -> None:
        """Power off: no process there does anything more."""
        with suppress(ProcessLookupError):
            os.kill(self._init, signal.SIGKILL)
        self._process.wait()

    def delete_disk(self) -> None:
        shutil.rmtree(self.disk)

    def unplug(self) -> None:
        run("ip", "link", "set", self._cable, "down")

    def plug_in(self) -> None:
        run("ip", "link", "set", self._cable, "up")


def wait_for_child(pid: int) -> int:
    """The first child of a process, once there is one."""
    for _ in range(500):
        if found := Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            return int(found[0])
        time.sleep(0.02)
    raise AssertionError(f"process {pid} has started no other")


def run(*words: object) -> None:
    subprocess.run([str(word) for word in words], check=True, stdin=subprocess.DEVNULL)
