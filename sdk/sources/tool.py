"""Calling the system's Wi-Fi tools, with advice where they refuse."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from ..errors import SourceError

# Debian keeps iw and wpa_cli where the PATH of a normal user does not look.
ALSO = ("/usr/sbin", "/sbin", "/usr/local/sbin")
_PACKAGES = {"iw": "iw", "wpa_cli": "wpasupplicant", "nmcli": "network-manager"}
NETWORK_INTERFACES = Path("/sys/class/net")


class Output(NamedTuple):
    """What a tool left behind; `complaint` is all that it said besides its results."""

    returncode: int
    text: str
    complaint: str


def run(command: Sequence[str], timeout_s: float = 30.0) -> Output:
    """Run a tool in the C locale and wait for it.

    Raises:
        SourceError: it is not installed (names the package), cannot be started, or does not end.
    """
    name = command[0]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *ALSO])
    program = shutil.which(name, path=path)
    if program is None:
        package = _PACKAGES.get(name, name)
        raise SourceError(f"{name} is not installed: sudo apt install {package}")
    try:
        done = subprocess.run(
            [program, *command[1:]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=timeout_s,
            check=False,
            env={**os.environ, "LC_ALL": "C", "LANG": "C"},
        )
    except subprocess.TimeoutExpired:
        raise SourceError(
            f"{name} has not answered within {timeout_s:g} s; the driver may hang: "
            "unplug the adapter or restart",
            again=True,
        ) from None
    except OSError as error:
        raise SourceError(f"{program} cannot be started: {error.strerror}") from None
    # Names of networks may be in any encoding.
    text, complaint = (part.decode("utf-8", "replace") for part in (done.stdout, done.stderr))
    return Output(done.returncode, text, complaint.strip())


def wireless_interfaces() -> list[str]:
    """The Wi-Fi interfaces of this machine."""
    try:
        found = sorted(NETWORK_INTERFACES.iterdir())
    except OSError:
        return []
    return [one.name for one in found if (one / "phy80211").exists() or (one / "wireless").exists()]


def the_interface(asked: str | None) -> str:
    """The interface asked for, or the only one there is.

    Raises:
        SourceError: there is none, or more than one.
    """
    if asked is not None:
        return asked
    found = wireless_interfaces()
    if not found:
        raise SourceError(
            "this machine has no Wi-Fi interface: see `ip link`; a USB adapter may want its "
            "firmware (sudo dmesg | grep -i firmware)"
        )
    if len(found) > 1:
        raise SourceError(f"several Wi-Fi interfaces: choose one, --interface {' or '.join(found)}")
    return found[0]


def no_such_interface(asked: str) -> SourceError:
    """The error for an interface that is not there, naming those that are."""
    there = ", ".join(wireless_interfaces()) or "none"
    return SourceError(f"there is no Wi-Fi interface {asked!r}; Wi-Fi interfaces here: {there}")


def is_down(interface: str) -> SourceError:
    """The error for an interface that is switched off."""
    return SourceError(
        f"{interface} is down: sudo rfkill unblock wifi && sudo ip link set {interface} up"
    )


def few(count: int, connected: bool, how_to_scan: str) -> str | None:
    """The hint for a scan of no or one access point; None for any other."""
    if count == 0:
        return "no access point heard: is the radio blocked (rfkill list), the antenna connected?"
    if count > 1:
        return None
    if connected:
        return f"only the access point this machine is connected to is listed: {how_to_scan}"
    return f"only one access point heard, too few for a position: {how_to_scan}"
