"""Where the Dask scheduler is: workers of this machine, an address, or a file that a scheduler wrote."""

import ipaddress
import json
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from darkmask.core.errors import CommandError

LOCAL = "local"
SCHEDULER_HELP = (
    "workers of Dask that do the work: local, tls://HOST:PORT, or the FILE that a scheduler wrote (tcp:// on this "
    "machine alone)"
)
# What a scheduler writes is a kilobyte, and some for each worker.
_LARGEST = 16_000_000


@dataclass(frozen=True)
class Where:
    """Where the scheduler is.

    Attributes
    ----------
    given : str
        What was typed.
    address : str or None
        ``tls://HOST:PORT`` or ``tcp://HOST:PORT``; None for workers that this process starts.
    """

    given: str
    address: str | None

    @property
    def is_encrypted(self) -> bool:
        return self.address is not None and self.address.startswith("tls:")


def where(given: str) -> Where:
    """Return where the scheduler is that a command names.

    Parameters
    ----------
    given : str
        ``local``, an address, or the path of a file that ``dask scheduler --scheduler-file`` wrote.

    Raises
    ------
    CommandError
        When it is none of these, or would be reached over a network without encryption: Dask sends code, and whoever
        can write to such a connection runs theirs on every machine.
    """
    if given == LOCAL:
        return Where(given, None)
    # Nothing is no name of a file, though it would be one of a folder.
    address = given if "://" in given or not given else _address_in(Path(given).expanduser())
    scheme, host = _parts(given, address)
    if scheme == "tcp" and not is_loopback(host):
        raise CommandError(
            f"--scheduler={given} leads to {address}, over a network without encryption, and Dask runs whatever code "
            "arrives: start the scheduler with certificates, and give tls://HOST:PORT (docs/cluster.md)."
        )
    return Where(given, address)


def is_loopback(host: str) -> bool:
    """Return whether a host, by name or number, is this machine and reached without a network."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def host_of(address: str) -> str:
    """Return the host of an address; nothing when it has none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _parts(given: str, address: str) -> tuple[str, str]:
    try:
        parts = urlsplit(address)
        scheme, host, port = parts.scheme, parts.hostname, parts.port
    except ValueError:
        scheme, host, port = "", None, None
    if "@" in address:
        raise CommandError(
            "--scheduler holds a name or a password, for which Dask does not ask: give tls://HOST:PORT, and name "
            "certificates in Dask's settings (docs/cluster.md)."
        )
    if scheme not in ("tcp", "tls") or not host or not port or parts.path.strip("/"):
        raise CommandError(
            f"--scheduler={given} is no place of a scheduler: give local, tls://HOST:PORT, or the file that `dask "
            "scheduler --scheduler-file FILE` wrote."
        )
    return scheme, host


def _address_in(path: Path) -> str:
    try:
        if not path.is_file():
            raise FileNotFoundError(2, "it is no file" if path.exists() else "there is no such file")
        with path.open("rb") as file:
            return str(json.loads(file.read(_LARGEST))["address"])
    except OSError as error:
        raise CommandError(
            f"--scheduler={path} cannot be read ({error.strerror}): give local, tls://HOST:PORT, or the file that "
            "`dask scheduler --scheduler-file FILE` wrote."
        ) from error
    except (ValueError, KeyError, TypeError):
        raise CommandError(
            f"--scheduler={path} holds no address of a scheduler: give the file that `dask scheduler --scheduler-file "
            "FILE` wrote."
        ) from None
