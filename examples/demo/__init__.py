"""`make demo`: the main job on the embedded local platform, shown and checked."""
