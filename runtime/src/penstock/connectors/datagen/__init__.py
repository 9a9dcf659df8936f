"""Made-up records, as fast as wanted or slower."""
