"""What several test files share: deliveries, runs, servers and a browser."""
