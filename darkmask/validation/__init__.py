"""What a pass is worth: injected defects found again, halves that agree, and what the published package confirms."""
