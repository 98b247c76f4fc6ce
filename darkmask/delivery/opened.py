"""Open all exposures of a set at once, to be read integration by integration."""

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from .exposure import OpenExposure
from .records import Exposure


class OpenSet:
    """The files of a set, held open: a context manager.

    Leaving it without an error makes sure that no file has changed since it was scanned. Integrations come in the order
    of time. Where that is not known they come in an order that their data decide, so that the names of files never do.

    Parameters
    ----------
    exposures : sequence of Exposure
        Exposures of one set, at least one.
    folder : Path
        The delivery's folder.
    integrations : sequence of int, optional
        Numbers of the integrations to read, counted over all exposures in that order; all by default.

    Attributes
    ----------
    exposures : list of OpenExposure
    planes : list of (OpenExposure, int)
        Each of the chosen integrations, with its exposure.
    times : numpy.ndarray, shape (integration,), float64, or None
        Middle of each chosen integration, MJD (UTC), increasing; None when the headers do not say it of each
        integration of the set, or put two of them at one time.
    places : numpy.ndarray, shape (integration, 4, 2), int64
        Where each integration lies, see :meth:`OpenExposure.places`; set only inside the context.

    Raises
    ------
    DeliveryError
        When a file has changed since it was scanned or is stored in a way that cannot be mapped.
    """

    def __init__(self, exposures: Sequence[Exposure], folder: Path, integrations: Sequence[int] | None = None):
        self.exposures = [OpenExposure(exposure, folder) for exposure in exposures]
        planes = [(exposure, i) for exposure in self.exposures for i in range(exposure.shape[0])]
        times = [time for exposure in exposures for time in exposure.times]
        known = len(times) == len(planes) and len(set(times)) == len(times)
        order = np.argsort(times) if known else sorted(range(len(planes)), key=lambda k: _content(*planes[k]))
        chosen = order if integrations is None else [order[k] for k in integrations]
        self.planes = [planes[k] for k in chosen]
        self.times = np.array([times[k] for k in chosen], np.float64) if known else None
        self._stack = ExitStack()

    def __enter__(self) -> "OpenSet":
        with ExitStack() as stack:
            for exposure in self.exposures:
                stack.enter_context(exposure)
            self.places = np.array([exposure.places(i) for exposure, i in self.planes])
            self._stack = stack.pop_all()
        return self

    def __exit__(self, kind, *_) -> None:
        self._stack.close()
        if kind is None:
            for exposure in self.exposures:
                exposure.check_unchanged()

    @property
    def chosen(self) -> tuple[OpenExposure, ...]:
        """The exposures of which an integration was chosen, in the order of these."""
        return tuple(dict.fromkeys(exposure for exposure, _ in self.planes))

    def rates_of(self, y: np.ndarray, x: np.ndarray) -> np.ndarray:
        """Return the slopes of some pixels in each chosen integration, float32 (integration, n), DN/s."""
        rates = {exposure: exposure.rate_of(y, x) for exposure in self.chosen}
        return np.stack([rates[exposure][i] for exposure, i in self.planes])

    def require_read(self, failed: int) -> None:
        """Raise a DeliveryError for what a kernel could not read.

        Parameters
        ----------
        failed : int
            Number of the integration that failed, or -1 when all were read.
        """
        if failed >= 0:
            raise self.planes[failed][0].shortened()


def _content(exposure: OpenExposure, integration: int) -> bytes:
    """Return bytes that differ between integrations: the rates of a row in the middle of the frame."""
    row = exposure.shape[2] // 2
    return exposure.rate(slice(row, row + 1), integration).tobytes()
