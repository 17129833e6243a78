"""What all plugins have in common: a name, a one-line description, and typed options."""

from __future__ import annotations

import inspect
from typing import Any, ClassVar

from pydantic import ConfigDict, GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema


class Plugin:
    """Base of everything that a study can name.

    A concrete plugin is a frozen dataclass. Its fields are its options: pydantic checks them
    strictly (``true`` is not a number, infinity and NaN only where the type says so) and a
    docstring below a field describes it in the JSON Schema. A ``ValueError`` raised in
    ``__post_init__`` becomes a located message to the author of the study.

    A field annotated with a *kind* (``Activation``, ``KernelProvider``, …) accepts what a study
    accepts wherever a plugin is named: a name, or a mapping with ``name`` and options.
    """

    name: ClassVar[str]
    """How studies refer to this plugin."""

    kind: ClassVar[str]
    """What sort of plugin it is; set by the abstract base of the kind."""

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False
    )

    @classmethod
    def description(cls) -> str:
        """Return the first line of the class's docstring."""
        return (inspect.getdoc(cls) or "").partition("\n")[0]

    @classmethod
    def is_kind(cls) -> bool:
        """Whether this class is the abstract base of a kind and not a plugin."""
        return "kind" in vars(cls)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        if not cls.is_kind():
            return handler(source)
        return core_schema.with_info_plain_validator_function(
            lambda value, info: info.context["resolve"](cls.kind, value),
            serialization=core_schema.plain_serializer_function_ser_schema(
                lambda value, info: info.context["refer"](value), info_arg=True
            ),
        )

    @classmethod
    def __get_pydantic_json_schema__(
        cls, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        if not cls.is_kind():
            return handler(schema)
        return {"x-ntksim-kind": cls.kind}
