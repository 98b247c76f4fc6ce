"""The call of the NRC-09 notebook, and the lists of files that it makes."""

from glob import glob
from pathlib import Path

# The call of the NRC-09 notebook, word for word but for the file lists, which follow it.
NOTEBOOK_CALL = dict(  # noqa: C408
    dead_search =True,
    low_qe_and_open_search =True,
    dead_search_type ='sigma_rate',
    smoothing_box_width =15,
    smoothing_type ='Box2D',
    dead_sigma_threshold =5.,
    max_dead_norm_signal =None,
    run_dead_flux_check =False,
    dead_flux_check_files =None,
    flux_check =45000,
    max_low_qe_norm_signal =0.5,
    max_open_adj_norm_signal =1.05,
    manual_flag_file ='default',
    dark_uncal_files=None,
    dark_stdev_clipping_sigma =5.,
    dark_max_clipping_iters =5,
    dark_noisy_threshold =5,
    max_saturated_fraction =0.5,
    max_jump_limit =10,
    jump_ratio_threshold =5,
    early_cutoff_fraction =0.25,
    pedestal_sigma_threshold =5,
    rc_fraction_threshold =0.8,
    low_pedestal_fraction =0.8,
    high_cr_fraction =0.8,
    flag_values ={'hot': ['HOT'], 'rc': ['RC'], 'low_pedestal': ['OTHER_BAD_PIXEL'], 'high_cr': ["TELEGRAPH"]},
    dark_do_not_use =['hot', 'rc', 'low_pedestal', 'high_cr'],
    plot =False,
    author ='jwst_reffiles',
    description ='A bad pix mask',
    pedigree ='GROUND',
    useafter ='2019-04-01 00:00:00',
    history ='',
    quality_check =False,
)


def files_of(delivery: Path, slopes: str = "rate", detector: str = "nrca1") -> dict[str, list[str]]:
    """The lists that the notebook makes with glob()."""
    of = f"{delivery}/*{detector}_"
    return {
        "dark_slope_files": sorted(glob(f"{of}{slopes}.fits")),
        "dark_jump_files": sorted(glob(f"{of}jump.fits")),
        "dark_fitopt_files": sorted(glob(f"{of}fitopt.fits")),
    }
