"""The name of a side output. A function yields `tag, value` to send a value there."""

from dataclasses import dataclass
from typing import Any

from penstock.common.typeinfo import TypeInformation
from penstock.common.unsupported import unsupported


@dataclass(frozen=True)
class OutputTag:
    """Names a side output of an operator."""

    tag_id: str
    type_info: TypeInformation | None = None

    def __post_init__(self) -> None:
        if not self.tag_id:
            raise ValueError("an OutputTag needs a name that is not empty")

    @unsupported("Pass the OutputTag itself")
    def get_java_output_tag(self) -> Any:
        """Refused."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, OutputTag) and other.tag_id == self.tag_id

    def __hash__(self) -> int:
        return hash(self.tag_id)
