"""Records to nowhere."""
