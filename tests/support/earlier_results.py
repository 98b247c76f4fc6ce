"""Results of an earlier run, rewritten or copied so that they say something else."""

import json
import shutil
from pathlib import Path

from astropy.io import fits

from darkmask.core.atomic import sha256_file


def rewrite(path: Path, **changes) -> Path:
    """Change values of a results.json; the manifest, which no longer fits it, goes."""
    data = json.loads(path.read_text())
    for key, value in changes.items():
        data[key] = {**data[key], **value} if isinstance(value, dict) else value
    path.write_text(json.dumps(data))
    (path.parent / "manifest.json").unlink(missing_ok=True)
    return path


def of_other_masks(report: Path) -> Path:
    """Make the masks of a report others than those that they are copies of: the same pixels, found at another time."""
    manifest = json.loads((report / "manifest.json").read_text())
    for name in manifest["masks"]:
        fits.setval(report / "masks" / name, "HISTORY", value="of an earlier delivery")
        manifest["masks"][name] = sha256_file(report / "masks" / name)
    (report / "manifest.json").write_text(json.dumps(manifest))
    return report


def only(path: Path, detector: str) -> list[dict]:
    """Return the checks of one detector."""
    return [check for check in json.loads(path.read_text())["checks"] if check["detector"] == detector]


def copy_of(path: Path, name: str) -> Path:
    """Copy a file beside itself."""
    return Path(shutil.copy(path, path.with_name(name)))
