"""One detector's products: its mask, catalogues, ramps of examples, and what a subarray shows beside the full frame."""
