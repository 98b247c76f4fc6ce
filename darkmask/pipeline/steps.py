"""Run the pipeline's jump and ramp-fit steps on a ramp in memory. For workers: importing ``jwst`` takes seconds."""

import gc
import logging
from functools import cache
from pathlib import Path
from typing import Any


@cache
def optional_fit_class():
    """Return a ``RampFitStep`` that keeps its optional results in memory, as ``optional``, instead of writing them."""
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
        Ramp after the jump step.
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
    """Let only warnings through: the steps log everything they do, for every exposure."""
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
    """Return the beginning of a message, in one line."""
    return " ".join(str(said).split())[:300]


def set_aside_garbage() -> None:
    """Freeze garbage between exposures: a step begins with a full collection, 0.1 s for 300,000 imported objects."""
    gc.collect()
    gc.freeze()


def save_dated(model, path: Path, date: str, *, validate: bool = True) -> None:
    """Write a data model with nothing in it that depends on the clock or the machine.

    Parameters
    ----------
    model : stdatamodels.jwst.datamodels.JwstDataModel
        Model to write; it loses the log of its steps, which holds times and paths.
    path : Path
        Path to write to; FILENAME becomes its name.
    date : str
        DATE of the file, instead of the clock's.
    validate : bool
        Whether to check the header values against the schema.
    """
    # object.__setattr__ is used because the model's own would make them part of the metadata.
    model_class: Any = type(model)
    object.__setattr__(model, "__class__", _dated_class(model_class, date, validate))
    if model.hasattr("cal_logs"):
        del model.cal_logs
    model.save(str(path))


@cache
def _dated_class(model_class, date: str, validated: bool):
    """Make a class of the same data model and name (DATAMODL holds it), which saves with a fixed DATE."""

    def on_save(self, path=None):
        model_class.on_save(self, path)
        self.meta.date = date

    def validate(self):
        if validated:
            model_class.validate(self)

    members = {"on_save": on_save, "validate": validate, "__module__": model_class.__module__}
    return type(model_class.__name__, (model_class,), members)
