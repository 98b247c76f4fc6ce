"""Where our source lies, and the digest of it by which an entry of a cache is stale."""

import hashlib
import os
import sys
from functools import cache
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent


@cache
def source_digest(marked: bytes = b"") -> str:
    """SHA-256 of our source, so that what another version made is another entry.

    Parameters
    ----------
    marked : bytes
        Only modules that hold these bytes, and all of ``maps``, whose constants are compiled in.

    Returns
    -------
    str
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    for path in sorted(PACKAGE.rglob("*.py")):
        content = path.read_bytes()
        if marked in content or path.parent.name == "maps":
            digest.update(path.relative_to(PACKAGE).as_posix().encode() + b"\0" + content)
    return digest.hexdigest()


def module_command(module: str, *arguments: str) -> list[str]:
    """The command line of a process that runs a module of ours, whatever it warns of."""
    return [sys.executable, "-W", "ignore", "-m", module, *arguments]


def module_environment(**more: str) -> dict[str, str]:
    """The environment of such a process: this one's, in which our package is found from any folder."""
    paths = [str(PACKAGE.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths), **more}
