"""Simulate the counts of one exposure: charge, its coupling, cosmic rays and noise."""

import numpy as np

from darkmask.core.categories import Category
from darkmask.core.detectors import Detector

from .defects import Defects, draw_defects
from .effects import begin
from .masks import draw_masks, gathers_no_charge
from .scene import RESET_NOISE, SATURATION_LEVEL, Effect, Scene
from .spec import SimulationSpec, Subarray

# DN per group and output: the drift that reference-pixel correction leaves. The mean of the 4096 reference pixels above
# and below an output is good to 0.1 DN, and slow drifts along a column add some. A larger offset would move the median
# rate of a mini-frame delivery by as much as the short-wavelength dark current. A subarray off the edge has no
# reference pixels to correct with.
OUTPUT_OFFSET, OUTPUT_OFFSET_SUBARRAY = 0.3, 1.0
# Pixel-to-pixel scatter of the nominal dark rate. Real scatter is larger, but its upper tail *is* the warm pixels;
# 10 % keeps nominal long-wavelength pixels (0.034 e-/s) below the 0.05 e-/s from which the truth would list them.
DARK_SCATTER = 0.10
# Charge of a cosmic ray, e-: log-normal, with a heavy tail; nothing below 30 (it would be lost in the noise), nothing
# above the well.
COSMIC_RAY_MEDIAN, COSMIC_RAY_SIGMA, COSMIC_RAY_LEAST = 900.0, 1.25, 30.0
# One in four hits shares its charge among 2 to 4 adjacent pixels.
COSMIC_RAY_SPREAD = 0.25
_STEPS = np.array([(0, 1), (1, 0), (0, -1), (-1, 0)])


def saturation_threshold(properties: Detector) -> float:
    """Return the counts from which a pixel is called saturated, DN above the superbias."""
    return SATURATION_LEVEL * properties.well / properties.gain


def simulate_ramps(spec: SimulationSpec, properties: Detector, subarray: Subarray | None, exposure: int) -> np.ndarray:
    """Simulate the ramps of one exposure.

    The model: Poisson charge at the dark rate of each pixel, cosmic rays and the charge of RC pixels gather in the
    well, but for that of pixels that the mask in force calls dead or open. Each read shows the charge after capacitive
    coupling, plus what the read-out adds (reset noise per integration, telegraph levels, pedestals, an offset per
    output and read, read noise). Reads are averaged into groups as READPATT says. Whatever else real detectors do is an
    effect that ``spec.effects`` switches on. Non-linearity is not modelled: it is corrected before the jump step.

    Parameters
    ----------
    spec : SimulationSpec
    properties : Detector
    subarray : Subarray or None
        None for the full frame.
    exposure : int
        Exposure number, from 1.

    Returns
    -------
    numpy.ndarray, shape (integration, group, y, x), float32
        DN, after superbias, reference-pixel and linearity correction.
    """
    scene = Scene(spec, properties, subarray, exposure)
    effects = begin(scene)
    reference, shape, read_time = scene.reference, scene.shape, scene.read_time
    defects = draw_defects(spec, properties.name, properties.well / properties.gain)
    here = defects.inside(*scene.cut)
    rate = dark_rates(scene, effects)
    hot = here.of(Category.HOT, Category.WARM)
    rate[hot.y, hot.x] = 0.0
    drift = OUTPUT_OFFSET_SUBARRAY if subarray else OUTPUT_OFFSET

    blind = gathers_no_charge(draw_masks(spec, properties, defects).base)[scene.cut]

    label = subarray.name if subarray else "FULL"
    window = scene.window
    rng = spec.generator(properties.name, label, window.xstart, window.ystart, "exposure", exposure)
    ramps = np.zeros((spec.integrations, spec.groups, *shape), dtype=np.float32)
    noise = np.full(shape, properties.read_noise, dtype=np.float32)
    noisy = here.of(Category.NOISY)
    for effect in effects:
        effect.noise(noise)
    # The named factor is that on the usual noise.
    noise[noisy.y, noisy.x] = np.float32(properties.read_noise)
    noise[noisy.y, noisy.x] *= noisy.strength
    coupling = _coupling(properties, shape, effects)
    telegraph = here.of(Category.TELEGRAPH)
    levels = telegraph_levels(telegraph.strength, telegraph.timescale, spec.integrations * spec.frames, read_time, rng)

    for integration in range(spec.integrations):
        pedestal = _pedestal(here, reference, effects, integration, rng)
        charge = np.zeros(shape, dtype=np.float32)
        before = -1
        for frame, group in _reads(scene):
            # What comes in a gap between groups is collected with the next read.
            step, time = (frame - before) * read_time, (frame + 1) * read_time
            charge += _dark_charge(rate, step, rng)
            charge[hot.y, hot.x] += rng.poisson(hot.strength * step)
            _add_cosmic_rays(charge, reference, spec.cosmic_ray_rate * step, properties.well, rng)
            for effect in effects:
                effect.charge(charge, integration, time - step, time)
            charge[blind] = 0.0
            plane = _seen_charge(charge, here, properties, coupling, time)
            plane[reference] = 0.0
            plane += pedestal
            plane[telegraph.y, telegraph.x] += levels[:, integration * spec.frames + frame]
            for effect in effects:
                effect.counts(plane, integration, frame)
            for columns in scene.outputs:
                plane[:, columns] += np.float32(rng.normal(0.0, drift))
            plane += noise * rng.standard_normal(shape, dtype=np.float32)
            ramps[integration, group] += plane
            before = frame
    if spec.frames_per_group > 1:
        ramps /= np.float32(spec.frames_per_group)
    return ramps


def dark_rates(scene: Scene, effects: list[Effect] | None = None) -> np.ndarray:
    """Return the dark current of each pixel with what effects make of it, without defects and light.

    Parameters
    ----------
    scene : Scene
    effects : list of Effect, optional
        Those of the scene, where they have begun.

    Returns
    -------
    numpy.ndarray, shape (y, x), float32, e-/s
    """
    rate = _dark_rates(scene.spec, scene.properties)[scene.cut].copy()
    for effect in begin(scene) if effects is None else effects:
        effect.rates(rate)
    rate[scene.reference] = 0.0
    return rate


def _reads(scene: Scene) -> list[tuple[int, int]]:
    """Return each read of an integration, in order: its frame and the group that it is averaged into."""
    return [(int(frame), group) for group, frames in enumerate(scene.frame_numbers) for frame in frames]


def _coupling(properties: Detector, shape: tuple[int, int], effects: list[Effect]) -> np.ndarray | float:
    """Return the share that each pixel gives to each neighbour: one for all without effects."""
    if not effects:
        return properties.ipc
    fraction = np.full(shape, properties.ipc, dtype=np.float32)
    for effect in effects:
        effect.coupling(fraction)
    return fraction


def couple(charge: np.ndarray, fraction: np.ndarray | float) -> np.ndarray:
    """Return the charge that each pixel shows after capacitive coupling with its neighbours.

    Parameters
    ----------
    charge : numpy.ndarray, shape (y, x), float32
    fraction : float or numpy.ndarray, shape (y, x)
        Share of its charge that each of a pixel's four neighbours sees.

    Returns
    -------
    numpy.ndarray, shape (y, x), float32
        Coupled charge; none is lost except what leaves at the edges.
    """
    seen = charge * np.float32(1.0 - 4.0 * fraction)
    share = charge * np.float32(fraction)
    seen[1:] += share[:-1]
    seen[:-1] += share[1:]
    seen[:, 1:] += share[:, :-1]
    seen[:, :-1] += share[:, 1:]
    return seen


def _pedestal(
    defects: Defects, reference: np.ndarray, effects: list[Effect], integration: int, rng: np.random.Generator
) -> np.ndarray:
    """Return what a reset leaves in each pixel, DN, shape (y, x), float32."""
    pedestal = rng.standard_normal(reference.shape, dtype=np.float32) * np.float32(RESET_NOISE)
    for effect in effects:
        effect.pedestal(pedestal, integration)
    low = defects.of(Category.LOW_PEDESTAL)
    pedestal[low.y, low.x] += low.strength
    pedestal[reference] = 0.0
    return pedestal


def _seen_charge(
    charge: np.ndarray, defects: Defects, properties: Detector, coupling: np.ndarray | float, time: float
) -> np.ndarray:
    """Return the charge that is read at a time since reset, limited to the full well and after coupling, DN."""
    seen = charge.copy()
    _add_traps(seen, defects, properties.gain, time)
    np.minimum(seen, np.float32(properties.well), out=seen)
    seen = couple(seen, coupling)
    seen /= np.float32(properties.gain)
    return seen


def _dark_rates(spec: SimulationSpec, properties: Detector) -> np.ndarray:
    """Return the nominal dark rate of every pixel of the full frame, e-/s, shape (y, x), float32."""
    rng = spec.generator(properties.name, "dark")
    scatter = rng.standard_normal((spec.frame, spec.frame), dtype=np.float32)
    return np.float32(properties.dark) * np.exp(np.float32(DARK_SCATTER) * scatter)


def _dark_charge(rate: np.ndarray, time: float, rng: np.random.Generator) -> np.ndarray:
    """Return the Poisson electrons of one group, shape (y, x).

    Electrons fall anywhere at the rate of the fastest pixel, and stay with a probability equal to their pixel's rate
    over that rate. This equals a Poisson draw per pixel, and is three times as fast when most pixels get none.
    """
    fastest = float(rate.max())
    pixels = rng.integers(0, rate.size, rng.poisson(fastest * time * rate.size))
    pixels = pixels[rng.random(pixels.size, dtype=np.float32) * np.float32(fastest) < rate.ravel()[pixels]]
    return np.bincount(pixels, minlength=rate.size).reshape(rate.shape)


def _add_traps(charge: np.ndarray, defects: Defects, gain: float, time: float) -> None:
    """Add the charge of saturated, RC and inverse RC pixels at a time since reset."""
    full = defects.of(Category.SATURATED)
    charge[full.y, full.x] += full.strength * gain
    rising = defects.of(Category.RC)
    grown = rising.strength * (1.0 - np.exp(-time / rising.timescale))
    charge[rising.y, rising.x] += (rising.pedestal + grown) * gain
    falling = defects.of(Category.INVERSE_RC)
    charge[falling.y, falling.x] += (falling.pedestal + falling.strength * np.exp(-time / falling.timescale)) * gain


def telegraph_levels(
    distance: np.ndarray, dwell: np.ndarray, reads: int, group_time: float, rng: np.random.Generator
) -> np.ndarray:
    """Return the extra counts of telegraph pixels: two levels with exponential dwell times.

    Parameters
    ----------
    distance : numpy.ndarray, shape (pixel,), DN
        Distance of the two levels.
    dwell : numpy.ndarray, shape (pixel,), s
        Mean time in a level.
    reads : int
    group_time : float
        Group time, s.
    rng : numpy.random.Generator

    Returns
    -------
    numpy.ndarray, shape (pixel, read), float32, DN

    Notes
    -----
    A read differs from the one before when the number of switches between them is odd, which has probability
    (1 - exp(-2 t / dwell)) / 2.
    """
    odd = 0.5 * (1.0 - np.exp(-2.0 * group_time / dwell))
    switched = rng.random((distance.size, reads)) < odd[:, None]
    start = rng.integers(0, 2, distance.size)[:, None]
    upper = (np.cumsum(switched, axis=1) + start) % 2 == 1
    return np.where(upper, distance[:, None], 0.0).astype(np.float32)


def _add_cosmic_rays(
    charge: np.ndarray, reference: np.ndarray, hits_per_pixel: float, well: float, rng: np.random.Generator
) -> None:
    rows, columns = charge.shape
    hits = rng.poisson(hits_per_pixel * charge.size)
    for _ in range(hits):
        y, x = int(rng.integers(rows)), int(rng.integers(columns))
        energy = rng.lognormal(np.log(COSMIC_RAY_MEDIAN), COSMIC_RAY_SIGMA)
        energy = min(max(energy, COSMIC_RAY_LEAST), well)
        pixels = 1
        if rng.random() < COSMIC_RAY_SPREAD:
            pixels = int(rng.integers(2, 5))
        # The hit is a track: each pixel touches the last one, and the charge is shared at random.
        shares = rng.dirichlet(np.ones(pixels)) if pixels > 1 else (1.0,)
        for share in shares:
            if 0 <= y < rows and 0 <= x < columns and not reference[y, x]:
                charge[y, x] += np.float32(energy * share)
            step = _STEPS[rng.integers(4)]
            y, x = y + int(step[0]), x + int(step[1])
