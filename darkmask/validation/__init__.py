"""Test what a pass is worth: injected defects found again, halves that agree, and confirmation by jwst_reffiles."""
