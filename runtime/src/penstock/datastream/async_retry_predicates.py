"""Ready-made predicates for the retries of async functions: bind the error's class with `functools.partial`."""

from typing import Any


def empty_result_predicate(result: list[Any] | None) -> bool:
    """Ask again where there was no result."""
    return not result


def exception_type_predicate(error: Exception, expected_error_type: type[Exception]) -> bool:
    """Ask again after an error of that class."""
    return isinstance(error, expected_error_type)
