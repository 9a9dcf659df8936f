"""Decisions: facts in, plan out. Pure: no clock, no client, no event loop; whole upgrades are tested as text."""
