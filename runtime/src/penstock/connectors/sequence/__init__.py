"""The number sequence source: `env.from_sequence` and `NumberSequenceSource`."""
