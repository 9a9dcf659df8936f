"""The version of PyFlink's API that this package has, where programs ask PyFlink for its own."""

__version__ = "2.3.0"
