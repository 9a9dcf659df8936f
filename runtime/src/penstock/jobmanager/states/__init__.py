"""One module a phase of a job; each says what an event means in that phase."""
