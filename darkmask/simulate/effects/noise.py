"""Noise of the read-out beyond white noise that is the same in every pixel.

The streams of 1/f noise run through one read, in the order in which an output reads its pixels, and are new in each
read. What the correction with the reference rows above and below an output finds is taken off, as in the triplets of a
pipeline; raw exposures keep all of it.
"""

from abc import ABC, abstractmethod

import numpy as np

from darkmask.simulate.registry import EFFECTS
from darkmask.simulate.scene import Effect, Scene


def pink(rows: int, columns: int, rng: np.random.Generator) -> np.ndarray:
    """Return 1/f noise of unit standard deviation, in the order of reading: along rows, then from row to row.

    Returns
    -------
    numpy.ndarray, shape (rows, columns), float32
    """
    from scipy.fft import irfft, next_fast_len

    size = next_fast_len(rows * columns, real=True)
    frequency = np.arange(size // 2 + 1, dtype=np.float32)
    spectrum = rng.standard_normal((2, frequency.size), dtype=np.float32).astype(np.float32)
    wave = (spectrum[0] + 1j * spectrum[1]) / np.sqrt(np.maximum(frequency, 1))
    wave[0] = 0.0
    stream = irfft(wave, size)[: rows * columns]
    return (stream / stream.std()).reshape(rows, columns).astype(np.float32)


def _parities(columns: slice) -> tuple[slice, slice]:
    """Return the even and the odd columns of an output, which the correction with reference pixels keeps apart."""
    return slice(columns.start, columns.stop, 2), slice(columns.start + 1, columns.stop, 2)


class _Streams(Effect, ABC):
    """1/f noise with the correction by the reference rows of each output."""

    name = ""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        self.rng = scene.fresh(self.name)
        self.sigma = np.float32(EFFECTS[self.name].value * strength / scene.properties.gain)
        border = scene.spec.border
        self.rows = [] if scene.subarray or scene.spec.raw else [*range(border), *range(-border, 0)]

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        noise = self.draw()
        if self.rows:
            for columns in self.scene.outputs:
                for chosen in _parities(columns):
                    noise[:, chosen] -= noise[self.rows, chosen].mean()
        counts += self.sigma * noise

    @abstractmethod
    def draw(self) -> np.ndarray:
        """Return the noise of one read, of unit standard deviation, shape (y, x)."""

    def _read_order(self, stream: np.ndarray, output: int) -> np.ndarray:
        # Neighbouring outputs are read in opposite directions.
        return stream[:, ::-1] if output % 2 else stream


class OneOverF(_Streams):
    """Add the stream that all outputs share."""

    name = "one_over_f"

    def draw(self) -> np.ndarray:
        widths = [columns.stop - columns.start for columns in self.scene.outputs]
        stream = pink(self.scene.shape[0], widths[0], self.rng)
        return np.concatenate([self._read_order(stream, output) for output in range(len(widths))], axis=1)


class OwnOneOverF(_Streams):
    """Add a stream to each output."""

    name = "own_one_over_f"

    def draw(self) -> np.ndarray:
        rows = self.scene.shape[0]
        return np.concatenate(
            [
                self._read_order(pink(rows, columns.stop - columns.start, self.rng), output)
                for output, columns in enumerate(self.scene.outputs)
            ],
            axis=1,
        )


class AlternatingColumns(_Streams):
    """Add a stream to the even columns, and another to the odd ones."""

    name = "alternating_columns"

    def draw(self) -> np.ndarray:
        noise = np.empty(self.scene.shape, np.float32)
        for columns in self.scene.outputs:
            for chosen in _parities(columns):
                noise[:, chosen] = pink(noise.shape[0], len(range(*chosen.indices(noise.shape[1]))), self.rng)
        return noise


class PictureFrame(Effect):
    """Add the pattern of the edges with an amplitude that is new in each read."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        frame = scene.spec.frame
        y, x = np.mgrid[scene.cut]
        edge = np.minimum(np.minimum(x, frame - 1 - x), np.minimum(y, frame - 1 - y))
        sigma = EFFECTS["picture_frame"].value * strength / scene.properties.gain
        # Falls off over a tenth of the frame; its standard deviation over the frame is one.
        pattern = np.exp(-edge / (0.1 * frame))
        self.pattern = (sigma * (pattern - pattern.mean()) / pattern.std()).astype(np.float32)
        self.pattern[scene.reference] = 0.0
        self.rng = scene.fresh("picture_frame")

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        counts += np.float32(self.rng.standard_normal()) * self.pattern


class ReferenceResidue(Effect):
    """Add what the correction with reference pixels leaves to the even and the odd columns of each output."""

    def __init__(self, scene: Scene, strength: float):
        super().__init__(scene, strength)
        self.sigma = EFFECTS["reference_residue"].value * strength
        self.rng = scene.fresh("reference_residue")

    def counts(self, counts: np.ndarray, integration: int, frame: int) -> None:
        for columns in self.scene.outputs:
            for chosen in _parities(columns):
                counts[:, chosen] += np.float32(self.rng.normal(0.0, self.sigma))


class NoiseMap(Effect):
    """Let the read noise differ by pixel, by less than the 1.5 times that make a noisy pixel."""

    # Share of pixels in the tail, and their factors.
    tail, factors = 0.01, (1.2, 1.45)

    def noise(self, noise: np.ndarray) -> None:
        frame, rng = self.scene.spec.frame, self.scene.fixed("noise_map")
        sigma = EFFECTS["noise_map"].value * self.strength
        factor = np.exp(sigma * rng.standard_normal((frame, frame)) - sigma**2 / 2)
        in_tail = rng.random((frame, frame)) < self.tail * self.strength
        factor[in_tail] = rng.uniform(*self.factors, int(in_tail.sum()))
        noise *= factor[self.scene.cut].astype(np.float32)
