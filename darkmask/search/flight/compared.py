"""The maps of an amplifier, compared with limits: each test by one name, and what it compared kept for who asks."""

from typing import Any

import numpy as np

from darkmask.core.detectors import Detector
from darkmask.search.maps import CombinedMaps
from darkmask.search.parameters import SearchParameters

from .corrected import CorrectedAmplifier
from .evidence import Compared, Comparison, Evidence
from .named_by import FAILED, NAMING, Passed, passed_at
from .robust import places

# What reaches a limit reaches this share of a lower one, whatever rounding does.
NEARLY = 0.99


class ComparedAmplifier(CorrectedAmplifier):
    """The maps of one amplifier, and what tests make of them; parameters are those of :class:`.AmplifierSearch`."""

    def __init__(
        self,
        maps: CombinedMaps,
        science: np.ndarray,
        columns: slice,
        detector: Detector,
        tgroup: float,
        parameters: SearchParameters,
        evidence: Evidence | None = None,
        patch: np.ndarray | None = None,
    ):
        super().__init__(maps, science, columns, detector, tgroup, parameters, everywhere=evidence is not None)
        self.evidence = evidence
        self.science = science[:, columns]
        self.patch = np.zeros(self.rate.shape, bool) if patch is None else patch[:, columns]
        self.passed: dict[str, Passed] = {}
        self._first_column, self._width = columns.start, science.shape[1]

    def _test(
        self, name: str, value: np.ndarray, passes: Comparison, limit, *asked: np.ndarray, at: Any = None
    ) -> np.ndarray:
        """Compare values with their limit, bool; where all of ``asked`` hold, the answer decides something.

        They are those of the pixels at an index (see :meth:`_at`), or of all.
        """
        outcome = passes(value, limit)
        if self.evidence is not None:
            self.evidence[name] = Compared(value, passes, limit, np.logical_and.reduce(asked))
        elif name in NAMING:
            gives = np.logical_and.reduce([~outcome if name in FAILED else outcome, *asked])
            self.passed[name] = passed_at(gives, value, limit, self._first_column, self._width, at)
        return outcome

    def _at(self, asked: np.ndarray) -> Any:
        """Return the index of pixels that may pass a test, of all where evidence is kept for a reader.

        Nearly all pixels are good and far from every limit: the limits of a few are made in no time.
        """
        return np.s_[...] if self.evidence is not None else places(asked)

    def _image(self, at: Any, where: np.ndarray) -> np.ndarray:
        """Return an image that is true where something is of the pixels at an index."""
        image: np.ndarray = np.zeros(self.rate.shape, bool)
        image[at] = where
        return image
