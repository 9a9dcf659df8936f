"""Key selectors that only take an item, as `lambda pair: pair[0]`, become `operator.itemgetter`: the same, without a call in Python.

Used by `taskmanager.deployment` for every key selector. Recognised by the function's code, never by its name.
"""

from collections.abc import Callable
from inspect import CO_VARARGS, CO_VARKEYWORDS
from operator import itemgetter
from types import FunctionType
from typing import Any

_MODEL = (lambda value: value["item"]).__code__
_ITEM = _MODEL.co_consts.index("item")


def as_getter(function: Callable[..., Any]) -> Callable[..., Any]:
    """The function itself, or an itemgetter that does the same."""
    if type(function) is not FunctionType or function.__defaults__ or function.__kwdefaults__:
        return function
    code = function.__code__
    if code.co_argcount != 1 or code.co_kwonlyargcount or code.co_flags & (CO_VARARGS | CO_VARKEYWORDS):
        return function
    if code.co_code != _MODEL.co_code or len(code.co_consts) != len(_MODEL.co_consts):
        return function
    return itemgetter(code.co_consts[_ITEM])
