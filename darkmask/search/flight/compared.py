"""The maps of an amplifier, compared with limits: each test by one name, and what it compared kept for who asks."""

from functools import cached_property, reduce
from typing import Any

import numpy as np

from .corrected import CorrectedAmplifier
from .evidence import Compared, Comparison
from .named_by import FAILED, NAMING, Passed, passed_at
from .robust import places

# What reaches a limit reaches this share of a lower one, whatever rounding does.
NEARLY = 0.99


class ComparedAmplifier(CorrectedAmplifier):
    """The maps of one amplifier, and what tests make of them; parameters are those of :class:`.CorrectedAmplifier`."""

    @cached_property
    def passed(self) -> dict[str, Passed]:
        """By name, what the tests of the last search compared where they give a pixel its name."""
        return {}

    def _test(
        self, name: str, value: np.ndarray, passes: Comparison, limit, *asked: np.ndarray, at: Any = None
    ) -> np.ndarray:
        """Compare values with their limit, bool; where all of ``asked`` hold, the answer decides something.

        They are those of the pixels at an index (see :meth:`_at`), or of all.
        """
        outcome = passes(value, limit)
        if self.evidence is not None:
            compared = Compared(value, passes, limit, np.logical_and.reduce(asked))
            self.evidence[name] = compared if self.looked_at is None else compared.of(self._looked_at_in(at))
        elif name in NAMING and not self.pixels_only:
            gives = reduce(np.logical_and, (~outcome if name in FAILED else outcome, *asked))
            self.passed[name] = passed_at(gives, value, limit, self._columns.start, self.width, at)
        return outcome

    def _at(self, asked: np.ndarray) -> Any:
        """Return the index of pixels that may pass a test, with those of which evidence is kept for a reader.

        Nearly all pixels are good and far from every limit: the limits of a few are made in no time.
        """
        if self.evidence is None:
            return places(asked)
        return np.s_[...] if self.looked_at is None else places(asked | self.looked_at)

    def _looked_at_in(self, at: Any) -> Any:
        """Return the index of the pixels that are looked at in an image, or among the pixels at an index of one."""
        if at is None:
            return self._looked_at
        (y, x), (rows, columns) = self._looked_at, at
        width = self.rate.shape[1]
        return np.searchsorted(rows * width + columns, y * width + x)

    @cached_property
    def _looked_at(self) -> tuple[np.ndarray, np.ndarray]:
        return places(np.zeros(self.rate.shape, bool) if self.looked_at is None else self.looked_at)

    def _image(self, at: Any, where: np.ndarray) -> np.ndarray:
        """Return an image that is true where something is of the pixels at an index."""
        image: np.ndarray = np.zeros(self.rate.shape, bool)
        image[at] = where
        return image
