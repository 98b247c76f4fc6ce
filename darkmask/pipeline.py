"""The pipeline's own jump and ramp-fit steps on a ramp in memory. Imports ``jwst``: seconds, and for workers only."""

import logging
from functools import cache


@cache
def optional_fit_class():
    """``RampFitStep`` that keeps its optional results in memory, as ``optional``, instead of writing them."""
    from jwst.ramp_fitting import RampFitStep

    class OptionalFit(RampFitStep):
        optional = None

        def save_model(self, model, suffix=None, **_):
            if suffix == "fitopt":
                self.optional = model

    return OptionalFit


def fit_ramps(model, gain, readnoise):
    """Run the ramp fit (OLS_C) and keep its optional results.

    Parameters
    ----------
    model : stdatamodels.jwst.datamodels.RampModel
        After the jump step.
    gain, readnoise : stdatamodels.jwst.datamodels.ReferenceFileModel
        New arrays for every call: the step multiplies the read noise by the gain in place.

    Returns
    -------
    rate, rateints, optional : stdatamodels.jwst.datamodels.JwstDataModel
    """
    fit = optional_fit_class()(algorithm="OLS_C")
    fit.save_opt = True
    fit.override_gain, fit.override_readnoise = gain, readnoise
    rate, rateints = fit.run(model)
    return rate, rateints, fit.optional


def silence_logs() -> None:
    """Only warnings: the steps tell everything they do, for every exposure."""
    for name in ("jwst", "stcal", "stdatamodels", "stpipe", "CRDS"):
        logging.getLogger(name).setLevel(logging.WARNING)


class Heard(logging.Handler):
    """The warnings and errors of a logger.

    Attributes
    ----------
    messages : list of (str, str)
        Level in small letters, and text in one line.
    """

    def __init__(self):
        super().__init__(logging.WARNING)
        self.messages: list[tuple[str, str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.messages.append((record.levelname.lower(), one_line(record.getMessage())))


def one_line(said: object) -> str:
    """The beginning of a message, in one line."""
    return " ".join(str(said).split())[:300]
