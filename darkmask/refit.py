"""Ramps put through the pipeline's jump and ramp-fit steps, and read back as an exposure.

The steps run in a process of their own (:mod:`darkmask.refit_worker`) that stays for the next detector: loading them
takes 5 to 8 s, as long as ten fits.
"""

import atexit
import json
import os
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import IO

import numpy as np
from astropy.io import fits

from .delivery import Exposure
from .delivery.plain import Ramps, write_plain
from .engines import SetRequest
from .errors import DeliveryError, SearchError

_ROOT = Path(__file__).resolve().parent.parent
# From 100 integrations in one model on, the jump step compares integrations and no longer groups.
_INTEGRATIONS_AT_ONCE = 99


class RefitWorker:
    """The process that runs the steps; it is started for its first job, and again when it died."""

    def __init__(self):
        self._process: subprocess.Popen | None = None
        self._said: IO[str] | None = None
        atexit.register(self.close)

    def run(self, folder: Path) -> str:
        """Work on ``job.json`` of a folder.

        Parameters
        ----------
        folder : Path

        Returns
        -------
        str
            Empty, or what went wrong.
        """
        if self._process is None or self._process.poll() is not None:
            self._start()
        try:
            self._process.stdin.write(f"{json.dumps(str(folder))}\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except OSError:
            answer = ""
        if answer:
            return json.loads(answer)["error"]
        return self._last_words()

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()
            self._said.close()

    def _last_words(self) -> str:
        self._process.kill()
        self._process.communicate()
        self._said.seek(0)
        lines = [line.strip() for line in self._said if line.strip()]
        self.close()
        return lines[-1] if lines else "the process ended and said nothing"

    def _start(self) -> None:
        self.close()
        self._said = tempfile.TemporaryFile(mode="w+", errors="replace")  # noqa: SIM115 (as long as the process)
        paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
        self._process = subprocess.Popen(
            [sys.executable, "-W", "ignore", "-m", "darkmask.refit_worker"],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
        )


@cache
def _worker() -> RefitWorker:
    return RefitWorker()


def refit(request: SetRequest, rows: slice, sci: np.ndarray, groupdq: np.ndarray, folder: Path) -> Exposure:
    """Rows of all integrations of a set after the pipeline's steps, as one exposure.

    Parameters
    ----------
    request : SetRequest
    rows : slice
    sci : numpy.ndarray, shape (nint, ngroup, rows, x), float32, DN
    groupdq : numpy.ndarray, same shape, uint8
        Without jumps.
    folder : Path
        Where its files are written.

    Returns
    -------
    Exposure

    Raises
    ------
    SearchError
        When the steps failed.
    DeliveryError
        When the header of the first exposure can no longer be read.
    """
    total = sci.shape[0]
    np.save(folder / "sci.npy", sci)
    np.save(folder / "groupdq.npy", groupdq)
    # Several exposures together, where the steps treat them alike: a call costs a second whatever it fits.
    alike = all(exposure.integrations <= _INTEGRATIONS_AT_ONCE for exposure in request.exposures)
    at_once = _INTEGRATIONS_AT_ONCE if alike else max(exposure.integrations for exposure in request.exposures)
    batches = [(first, min(first + at_once, total)) for first in range(0, total, at_once)]
    job = {"detector": request.detector, "meta": _meta(request, rows), "batches": batches}
    (folder / "job.json").write_text(json.dumps(job), encoding="utf-8")
    error = _worker().run(folder)
    if error:
        raise SearchError(
            f"The pipeline's jump and ramp-fit steps failed on ramps of {request.detector} with injected defects "
            f"({error}): check the installation of jwst."
        )
    with np.load(folder / "fitted.npz") as fitted:
        ramps = Ramps(sci, fitted["groupdq"], fitted["rate"], fitted["pedestal"])
    return write_plain(folder, "refitted", ramps, request.exposures[0].jump)


def _meta(request: SetRequest, rows: slice) -> dict:
    record = request.exposures[0].jump
    try:
        header = fits.getheader(request.folder / record.path)
    except OSError as error:
        raise DeliveryError(f"{record.path} can no longer be read ({error.strerror or error}): run again.") from error
    return {
        "tgroup": record.tgroup,
        "tframe": float(header.get("TFRAME", record.tgroup)),
        "nframes": int(header.get("NFRAMES", 1)),
        "groupgap": int(header.get("GROUPGAP", 0)),
        "readpatt": record.readpatt,
        "ystart": rows.start + 1,
    }
