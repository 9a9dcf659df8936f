"""Programs to start from, each run by the tests."""
