"""One detector's products: mask, catalogues, ramps of examples, and comparison of subarrays with the full frame."""
