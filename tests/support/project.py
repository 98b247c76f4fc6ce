"""Where things lie."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
# Real masks, if they lie beside the checkout.
REAL_MASKS = ROOT.parent / "shared" / "data" / "masks"
