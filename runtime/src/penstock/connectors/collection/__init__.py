"""The collection source: values that the program holds (`env.from_collection`)."""
