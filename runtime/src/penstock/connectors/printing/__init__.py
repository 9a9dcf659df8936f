"""The print sink: `stream.print()`."""
