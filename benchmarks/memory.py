"""The memory of a process and all that it started, from outside."""

from pathlib import Path


def anonymous(pid: int) -> int:
    """Return the bytes of anonymous memory of a process and all below it: pages of mapped files do not count."""
    total = 0
    try:
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("RssAnon:"):
                total += int(line.split()[1]) * 1024
        for children in Path(f"/proc/{pid}/task").glob("*/children"):
            total += sum(anonymous(int(child)) for child in children.read_text().split())
    except OSError:  # the process has just ended
        pass
    return total
