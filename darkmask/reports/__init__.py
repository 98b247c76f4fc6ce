"""What a run leaves and who reads it later: results, sign-off, earlier runs, pictures."""
