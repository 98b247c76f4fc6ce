"""Ramps that lie elsewhere than their rates: what was exchanged in one file alone."""

import numpy as np

from .planting import Faults, every_exposure

fault = Faults("delivery")


@fault("DLV-PLACES", said=" of column 5")
def columns_exchanged_in_the_ramps(space):
    for ramps in every_exposure(space.delivery):
        for array in (ramps.sci, ramps.groupdq):
            array[..., [50, 51]] = array[..., [51, 50]]


@fault("DLV-PLACES", said="Ramps and rates of column")
def rates_of_other_integrations_in_some_columns(space):
    """Plant columns whose rates are those of the exposure before: all integrations together have the right ones."""
    columns, before = np.s_[..., 40:44], None
    opened = every_exposure(space.delivery)
    for ramps in opened:
        here = [array[columns].copy() for array in (ramps.rate, ramps.rate_dq)]
        if before is not None:
            ramps.rate[columns], ramps.rate_dq[columns] = before
        before = here


@fault("DLV-PLACES", said="Ramps and PEDESTAL of column")
def columns_exchanged_in_the_pedestals(space):
    for ramps in every_exposure(space.delivery):
        ramps.pedestal[..., [50, 51]] = ramps.pedestal[..., [51, 50]]
