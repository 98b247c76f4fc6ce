"""Ask CRDS and the pipeline about MASK files, in the process that :func:`darkmask.pipeline.worker.pipeline` starts."""

from pathlib import Path

from darkmask.core.detectors import detector
from darkmask.core.window import Window
from darkmask.masks.file import read_mask

from .applied import applied_pixeldq, difference, model_complaints
from .certification import best_mask, certify, context_name
from .steps import one_line


def answer(job: dict):
    """Answer one question.

    Parameters
    ----------
    job : dict
        ``asks`` and what the question needs: ``context``, ``mask`` (detector, date), ``certify`` (path, context,
        mini_frame), ``schema`` (path) or ``dqinit`` (path, detector, windows: pairs of SUBARRAY and window).

    Returns
    -------
    object
        The result of :func:`context_name`, :func:`best_mask`, :func:`certify` or :func:`model_complaints`. For
        ``dqinit``, a list of :func:`difference`, each with ``window`` and, if the step refused the mask, ``refused``.
    """
    if job["asks"] == "context":
        return context_name()
    if job["asks"] == "mask":
        return best_mask(job["detector"], job["date"])
    path = Path(job["path"])
    if job["asks"] == "certify":
        return certify(path, job["context"], job["mini_frame"])
    if job["asks"] == "schema":
        return model_complaints(path)
    decoded = read_mask(path).decoded
    return [_apply(path, job["detector"], name, Window(*window), decoded) for name, window in job["windows"]]


def _apply(path: Path, name: str, subarray: str, window: Window, decoded) -> dict:
    expected = window.cut(decoded)
    try:
        found = applied_pixeldq(path, detector(name), subarray, window)
        if found.shape != expected.shape:
            raise ValueError(f"PIXELDQ has the shape {found.shape} and the mask {expected.shape}")
    except (Exception, SystemExit) as error:  # the step may raise anything, and stpipe ends the process at times
        refused = one_line(f"{type(error).__name__}: {error}")
        return {"window": subarray, "pixels": int(expected.size), "refused": refused}
    return {"window": subarray, "refused": "", **difference(expected, found)}
