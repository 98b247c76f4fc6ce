"""Ask whether CRDS and the pipeline take a MASK file as it is: three questions, answered in a process of their own.

The cache keeps the answers by the file's SHA-256, the CRDS context and the packages that gave them: certifying takes 2
s per file, and loading the pipeline 5 s per process.
"""

import os
from functools import cache
from importlib.metadata import version
from pathlib import Path

from darkmask.core import siaf
from darkmask.core.atomic import sha256_file
from darkmask.core.cache import cached_answer
from darkmask.core.detectors import FRAME_SIZE, Geometry
from darkmask.core.errors import MaskError
from darkmask.core.provenance import source_digest
from darkmask.core.stages import stage
from darkmask.core.window import Window

from .certification import has_own_crds
from .worker import OWN_CRDS, Worker, WorkerError, pipeline

# The answers depend on these packages.
_PACKAGES = ("astropy", "crds", "jwst", "numpy", "stdatamodels")
STUB_CONTEXT = "jwst_0000.pmap"
# This module answers the questions, in the process that has the pipeline.
QUESTIONS = "darkmask.pipeline.acceptance_worker"
# The cache keeps this many answers; each mask has three small ones.
_KEPT = 600


def schema_complaints(path: Path) -> list[str]:
    """Return the complaints of ``MaskModel`` about a file, see :func:`darkmask.pipeline.applied.model_complaints`.

    Raises
    ------
    MaskError
        When the file or the process cannot be used.
    """
    return _answer(pipeline(), path, {"asks": "schema"}, "")


def certified(path: Path, geometry: Geometry) -> tuple[list[str], str]:
    """Return what ``crds.certify`` says of a file, by the user's CRDS context, or by a stub if the user has none.

    Parameters
    ----------
    path : Path
    geometry : Geometry
        Geometry of the frame; for a mini frame, what CRDS says of the array's size is left out.

    Returns
    -------
    messages : list of str
        Errors and warnings.
    context : str
        The context that was used, in words.

    Raises
    ------
    MaskError
        When the user's CRDS can be reached neither as a server nor as a cache.
    """
    asked, context = pipeline(), STUB_CONTEXT
    if has_own_crds():
        asked, context = pipeline(OWN_CRDS), _own_context()
    question = {"asks": "certify", "context": context, "mini_frame": geometry.frame != FRAME_SIZE}
    configured = f"{os.environ.get('CRDS_SERVER_URL')} {os.environ.get('CRDS_PATH')}" if has_own_crds() else ""
    messages = _answer(asked, path, question, configured)
    return messages, context if configured else "a stub context"


def applied(path: Path, detector: str, geometry: Geometry) -> list[dict]:
    """Return what ``DQInitStep`` makes of a file, for a full frame and for a subarray of the detector.

    Returns
    -------
    list of dict
        See :func:`darkmask.pipeline.acceptance_worker.answer`.
    """
    windows = (("FULL", Window.of_frame(geometry.frame)), subarray_window(detector, geometry))
    return _answer(pipeline(), path, {"asks": "dqinit", "detector": detector, "windows": windows}, "")


def subarray_window(detector: str, geometry: Geometry) -> tuple[str, Window]:
    """Return a subarray to apply a mask to: a real one of the detector, or one off the middle of a mini frame.

    Returns
    -------
    subarray : str
        Value of SUBARRAY.
    window : Window
    """
    if geometry.frame == FRAME_SIZE:
        for name in ("SUB160", "SUB64P", "SUB320"):
            for place in siaf.positions(detector, name)[:1]:
                return name, place
    # Corner and sides all differ, so that a mistaken axis shows.
    side = geometry.frame // 4
    return "SUB160", Window(side + 1, geometry.frame // 2 + 1, side, side // 2)


def configured_crds() -> str:
    """Name the user's CRDS in words: its server, or its cache if there is none."""
    return os.environ.get("CRDS_SERVER_URL") or os.environ.get("CRDS_PATH") or "no server and no cache"


@cache
def _own_context() -> str:
    """Ask the user's CRDS for its context, since a server's operational context changes."""
    try:
        return pipeline(OWN_CRDS).ask({"module": QUESTIONS, "asks": "context"})
    except WorkerError as error:
        raise MaskError(
            f"CRDS as configured ({configured_crds()}) gives no context ({error}): connect to the network, set "
            "CRDS_CONTEXT to a cached one, or unset CRDS_SERVER_URL and CRDS_PATH to certify by CRDS's rules alone."
        ) from error


@stage("certify and apply")
def _answer(asked: Worker, path: Path, question: dict, configured: str):
    try:
        digest = sha256_file(path)
    except OSError as error:
        raise MaskError(f"{path} can no longer be read ({error.strerror}): run again.") from error
    depends = {
        # The file's name counts because messages contain it.
        "file": [path.name, digest],
        "question": question,
        "configured": configured,
        "packages": {name: version(name) for name in _PACKAGES},
        "code": source_digest("pipeline"),
    }

    def ask():
        try:
            return asked.ask({**question, "module": QUESTIONS, "path": str(path)})
        except WorkerError as error:
            raise MaskError(
                f"{path} could not be given to the pipeline ({error}): check the installation of jwst and crds."
            ) from error

    return cached_answer("acceptance", depends, ask, keep=_KEPT)
