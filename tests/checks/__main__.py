"""Run the planted faults and print what each made fail: ``python -m tests.checks [options of pytest]``."""

import subprocess
import sys
import tempfile
from pathlib import Path
from xml.etree import ElementTree

from tests.support.project import ROOT


def table(junit: Path) -> tuple[list[str], bool]:
    """Return a line of Markdown for each fault, and whether all failed as they must."""
    lines = ["| fault | what failed | as it must | s |", "|---|---|---|---|"]
    fine = True
    for case in ElementTree.parse(junit).iter("testcase"):
        told = {entry.get("name"): entry.get("value") for entry in case.iter("property")}
        if "fault" not in told:
            continue
        right = case.find("failure") is None and case.find("error") is None
        fine &= right
        failed = told["failed"].strip("[]").replace("'", "")
        lines.append(f"| {told['fault']} | {failed} | {'yes' if right else 'NO'} | {float(case.get('time')):.0f} |")
    return lines, fine


def main() -> int:
    with tempfile.TemporaryDirectory() as folder:
        junit = Path(folder) / "faults.xml"
        tests = "tests/checks/test_every_check_can_fail.py"
        command = [sys.executable, "-m", "pytest", tests, "-q", f"--junitxml={junit}", *sys.argv[1:]]
        subprocess.run(command, cwd=ROOT, stdout=sys.stderr, check=False)
        lines, fine = table(junit)
    print("\n".join(lines))
    return 0 if fine and len(lines) > 2 else 1


if __name__ == "__main__":
    sys.exit(main())
