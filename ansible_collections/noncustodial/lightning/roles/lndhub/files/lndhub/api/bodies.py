# Copyright: (c) 2026, noncustodial.lightning contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fields of requests that several routes share. null means "not given" in every field that a request may leave out,
because clients write it there.
"""

from __future__ import annotations

import typing as t

from fastapi import Query
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetJsonSchemaHandler, model_validator
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from .. import history
from ..errors import BadArguments
from .amounts import Sat

HEX32 = "^[0-9a-fA-F]{64}$"
# PostgreSQL has no place for a zero byte.
_NO_ZERO_BYTE = r"^[^\x00]*$"
# Bytes of an onion's payloads (BOLT 4), of which the custom records are only a part.
_MAX_RECORD_BYTES = 1300
_KEYSEND_RECORD = 5482373484
_MAX_OFFSET = 1_000_000_000

Text = t.Annotated[str, Field(strict=True, max_length=1024, pattern=_NO_ZERO_BYTE)]
Secret = t.Annotated[str, Field(strict=True, max_length=256, pattern=_NO_ZERO_BYTE)]
Bolt11 = t.Annotated[str, Field(strict=True, max_length=7100)]
DescriptionHash = t.Annotated[str, Field(pattern="^([0-9a-fA-F]{64})?$")]
Expiry = t.Annotated[int, Field(ge=60, le=31_536_000)]
_Record = t.Annotated[str, Field(strict=True, max_length=_MAX_RECORD_BYTES, pattern=_NO_ZERO_BYTE)]
_Records = t.Annotated[dict[Text, _Record], Field(max_length=128)]


def _count(value: object) -> int:
    """Return a number of a query; 0 for what is none, which LndHub ignores."""
    text = str(value)
    return int(text) if text.isascii() and text.isdigit() and len(text) < 100 else 0


Limit = t.Annotated[int, BeforeValidator(lambda value: min(_count(value), history.MAX_ROWS)), Query()]
"""How many rows to list; 0 if the request has no such number."""

Offset = t.Annotated[int, BeforeValidator(lambda value: min(_count(value), _MAX_OFFSET)), Query()]
"""How many of the newest rows to leave out."""


class Body(BaseModel):
    """A request. Fields that the hub does not know are ignored, because clients send more than is needed.

    Attributes:
        nulls: the fields in which null has a meaning of its own.
    """

    model_config = ConfigDict(hide_input_in_errors=True)
    nulls: t.ClassVar[frozenset[str]] = frozenset()

    @model_validator(mode="before")
    @classmethod
    def _given(cls, body: t.Any) -> t.Any:
        if not isinstance(body, dict):
            return body
        return {name: value for name, value in body.items() if value is not None or name in cls.nulls}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        described = handler(core)
        inner = handler.resolve_ref_schema(described)
        fields = inner.get("properties", {})
        for name, field in fields.items():
            if name not in inner.get("required", ()) and {"type": "null"} not in field.get("anyOf", ()):
                fields[name] = {"anyOf": [field, {"type": "null"}]}
        return described


class KeysendBody(Body):
    """A payment without an invoice. lndhub.go's clients write the records under either name."""

    amount: t.Annotated[Sat, Field(gt=0)]
    destination: t.Annotated[str, Field(pattern="^0[23][0-9a-fA-F]{64}$")]
    memo: Text = ""
    custom_records: _Records = Field(default_factory=dict)
    customRecords: _Records = Field(default_factory=dict)  # noqa: N815

    @property
    def sent_records(self) -> dict[str, str]:
        """The records under both names."""
        return {**self.customRecords, **self.custom_records}

    def records(self) -> dict[int, bytes]:
        """Return the records by number.

        Raises:
            BadArguments: a name is not a number in the range that is free to use, or they are too long.
        """
        records: dict[int, bytes] = {}
        for name, value in self.sent_records.items():
            if (
                not (name.isascii() and name.isdigit() and len(name) < 20 and 65536 <= int(name) < 2**63)
                or int(name) == _KEYSEND_RECORD
            ):
                raise BadArguments(
                    "the names of custom records are numbers from 65536 on, without that of the preimage"
                )
            records[int(name)] = value.encode()
        if sum(map(len, records.values())) > _MAX_RECORD_BYTES:
            raise BadArguments(
                f"the custom records have more than {_MAX_RECORD_BYTES} bytes, which no payment can carry"
            )
        return records
