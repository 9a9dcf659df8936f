"""What says the type of its records, in PyFlink's place."""

from abc import ABC, abstractmethod

from penstock.common.typeinfo import TypeInformation


class ResultTypeQueryable(ABC):
    """A source or format that knows the type of its records."""

    @abstractmethod
    def get_produced_type(self) -> TypeInformation:
        """The type."""
