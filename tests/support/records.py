"""Records of files that were never written, by which sentences about headers are proven."""

from dataclasses import replace

from darkmask.core.detectors import DETECTORS
from darkmask.delivery.records import Exposure, FileRecord, Kind

DONE = {
    Kind.JUMP: {"S_SUPERB": "COMPLETE", "S_JUMP": "COMPLETE", "S_DARK": "SKIPPED"},
    Kind.FITOPT: {},
    Kind.RATE: {"S_RAMP": "COMPLETE"},
}
JUMP, FITOPT, RATE = 0, 1, 2


def record(kind, name="jw01062001001_02101_00001", detector="NRCB1", subarray="FULL", place=(1, 1, 2048, 2048)):
    xstart, ystart, xsize, ysize = place
    return FileRecord(
        path=f"{name}_{detector.lower()}_{kind}.fits",
        kind=kind,
        key=f"{name}_{detector.lower()}",
        detector=detector,
        subarray=subarray,
        shape=(2, 10, ysize, xsize) if kind is Kind.JUMP else (2, ysize, xsize),
        nints=2,
        ngroups=10,
        noutputs=4 if subarray == "FULL" else 1,
        readpatt="RAPID",
        tgroup=10.73677,
        exp_type="NRC_DARK",
        observation="001",
        date_obs="2022-04-01",
        steps=DONE[kind],
        xstart=xstart,
        ystart=ystart,
        xsize=xsize,
        ysize=ysize,
        fastaxis=DETECTORS[detector].fastaxis,
        slowaxis=DETECTORS[detector].slowaxis,
        segments=1,
        simulated=False,
        size=1,
        modified=1,
        arrays={},
    )


def exposure(**about):
    return Exposure(*(record(kind, **about) for kind in (Kind.JUMP, Kind.FITOPT, Kind.RATE)))


def altered(whole, which, **changes):
    """Return the exposure with changes in one of its three files."""
    files = list(whole.files)
    files[which] = replace(files[which], **changes)
    return Exposure(*files)


def only(sentences):
    (sentence,) = sentences
    return sentence
