"""Other stream engines, each in an environment of its own: how they are installed, and the same work as programs of theirs.

`environments` installs; `bytewax_programs` and `quixstreams_programs` run inside the peers' interpreters and import
nothing of Penstock. PyFlink runs `benchmarks/programs` as they are.
"""
