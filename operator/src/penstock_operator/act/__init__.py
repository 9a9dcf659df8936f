"""Acts: the plan's actions carried out, each by one call that may be repeated."""
