"""``darkmask demo``: a delivery that was never observed."""

import argparse
import os
from pathlib import Path

from darkmask.core.detectors import DETECTORS
from darkmask.core.errors import CommandError

from .next_command import check_words, next_line, sibling
from .parsing import CommaList, add_detectors

# INJ criteria need 20 injected defects of each kind, GND-REGISTRATION 30 clumps: a frame of 64 pixels has 7 and 22.
_ENOUGH = 128
# The criteria named demo expect the simulated subarrays; a demo without any needs its own.
_WITHOUT_SUBARRAYS = """\
# What is expected of {name}, which was simulated without subarrays. Criteria add to those that they extend.
schema = 1
name = "demo-full-frames"
extends = "demo"

[geometry]
frame = {frame}

[plan]
subarrays = []
"""


def add_demo(commands) -> None:
    """Add the command."""
    demo = commands.add_parser(
        "demo",
        help="simulate a delivery of darks through the pipeline's real steps",
        example="darkmask demo darks --detectors=NRCA1,NRCALONG --exposures=5",
    )
    demo.add_argument(
        "out", type=Path, metavar="OUT", help="new folder of the delivery; truth, ground and base lie beside it"
    )
    demo.add_argument("--frame", type=int, default=256, help="pixels along each side of a full frame (default 256)")
    add_detectors(demo, "detectors to simulate, with commas between them (default: all ten)")
    demo.add_argument("--exposures", type=int, default=6, help="of each detector and subarray (default 6)")
    demo.add_argument("--integrations", type=int, default=2, help="per exposure (default 2)")
    demo.add_argument("--groups", type=int, default=20, help="per integration (default 20)")
    demo.add_argument("--no-subarrays", action="store_true", help="full frames alone")
    demo.add_argument(
        "--fit-segments",
        action="store_true",
        help="keep the results of each ramp segment in _fitopt (much larger files)",
    )
    demo.add_argument(
        "--uncal", action="store_true", help="raw exposures in place of triplets, with OUT.references for prepare"
    )
    demo.add_argument(
        "--effects",
        default="none",
        metavar="NAMES",
        help="effects of real detectors: none (default), realistic, or names with a strength: NAME[=STRENGTH],...",
    )
    demo.add_argument("--readpatt", default="RAPID", help="frames averaged into a group, and gaps (default RAPID)")
    demo.add_argument(
        "--epochs",
        action=CommaList,
        kind=float,
        default=(),
        metavar="DAYS,DAYS",
        help="gaps that part the exposures into epochs, with commas between them (default: one epoch)",
    )
    demo.add_argument("--seed", type=int, default=1, help="another seed draws other pixels and noise (default 1)")
    demo.set_defaults(run=_demo)


def _demo(chosen: argparse.Namespace) -> int:
    if os.path.realpath(chosen.out) == os.getcwd():
        # It would be replaced by the new one, and the shell would stand in one that is gone.
        raise CommandError(f"{chosen.out} is the current folder: give a new one, inside it or elsewhere.")
    from darkmask.core.atomic import write_text
    from darkmask.simulate import SimulationSpec, simulate_delivery
    from darkmask.simulate.registry import parse_effects

    settings = {
        "seed": chosen.seed,
        "frame": chosen.frame,
        "detectors": chosen.detectors or tuple(DETECTORS),
        "exposures": chosen.exposures,
        "integrations": chosen.integrations,
        "groups": chosen.groups,
        "fit_segments": chosen.fit_segments,
        "raw": chosen.uncal,
        "readpatt": chosen.readpatt,
        "epochs": chosen.epochs,
        "effects": parse_effects(chosen.effects),
    }
    if chosen.no_subarrays:
        settings["subarrays"] = ()
    spec = SimulationSpec(**settings)
    own = _criteria_file(chosen.out, spec)
    simulate_delivery(chosen.out, spec)
    if own is not None:
        write_text(own, _WITHOUT_SUBARRAYS.format(name=chosen.out.name, frame=spec.frame))
    print(f"Simulated delivery in {chosen.out}; its truth, ground and base masks lie beside it.")
    if chosen.uncal:
        references = sibling(chosen.out, "references")
        print(next_line("prepare", chosen.out, sibling(chosen.out, "prepared"), f"--references={references}"))
        return 0
    if spec.frame < _ENOUGH:
        print(
            f"Frames of {spec.frame} pixels hold too few bad pixels for INJ and GND criteria, which count as failed: "
            f"{_ENOUGH} are enough."
        )
    words = check_words(
        spec.detectors,
        simulated=True,
        delivery=chosen.out,
        criteria="demo" if own is None else str(own),
        ground=sibling(chosen.out, "ground"),
        base=sibling(chosen.out, "base"),
    )
    print(next_line(*words))
    return 0


def _criteria_file(out: Path, spec) -> Path | None:
    """Return where criteria of its own go that a simulated delivery needs; None where those named demo are right."""
    from darkmask.simulate.spec import default_subarrays

    simulated = {(subarray.detector, subarray.name) for subarray in spec.subarrays}
    planned = {(s.detector, s.name) for s in default_subarrays(spec.frame, spec.border) if s.detector in spec.detectors}
    if planned <= simulated:
        return None
    path = sibling(out, "criteria.toml")
    if path.exists():
        raise CommandError(f"{path} exists: remove it, or give another folder to write to.")
    return path
