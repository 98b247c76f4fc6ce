"""What each named effect does to an exposure; what it is and how strong stands in :mod:`darkmask.simulate.registry`.

=============  ======================================================================
``dark``       glow, gradient and dark current of the whole detector
``lit``        persistence, snowballs and their afterglow
``coupling``   capacitive coupling that differs from pixel to pixel
``resets``     what a reset leaves: kTC noise, superbias error, settling
``columns``    wandering columns, amplifiers without signal
``noise``      1/f noise, alternating columns, picture frame, reference pixels, noise by pixel
``pixels``     difficult pixels: intermittent, slow telegraph, bursts, early saturation, ...
=============  ======================================================================
"""

from darkmask.simulate.scene import Effect, Scene

from . import columns, coupling, dark, lit, noise, pixels, resets

# Effects in the order in which they act (that of the registry), and the kinds of pixels last.
BEHAVIOURS: dict[str, type[Effect]] = {
    "dark_current": dark.DarkCurrent,
    "glow": dark.Glow,
    "gradient": dark.Gradient,
    "persistence": lit.Persistence,
    "snowballs": lit.Snowballs,
    "afterglow": lit.Afterglow,
    "varying_coupling": coupling.VaryingCoupling,
    "ktc": resets.ResetNoise,
    "superbias_error": resets.SuperbiasError,
    "settling": resets.Settling,
    "wandering_columns": columns.WanderingColumns,
    "dead_amplifier": columns.DeadAmplifier,
    "one_over_f": noise.OneOverF,
    "own_one_over_f": noise.OwnOneOverF,
    "alternating_columns": noise.AlternatingColumns,
    "picture_frame": noise.PictureFrame,
    "reference_residue": noise.ReferenceResidue,
    "noise_map": noise.NoiseMap,
}


def begin(scene: Scene) -> list[Effect]:
    """Return the effects that are switched on, ready for one exposure."""
    begun = [
        behave(scene, scene.spec.effects[name]) for name, behave in BEHAVIOURS.items() if name in scene.spec.effects
    ]
    if scene.spec.kinds:
        # Before whatever the read-out adds: a dead amplifier shows no difficult pixel either.
        begun.insert(0, pixels.DifficultPixels(scene, 1.0))
    return begun


__all__ = ["BEHAVIOURS", "begin"]
