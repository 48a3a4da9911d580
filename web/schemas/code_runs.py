"""What a client may send to run code. Bounds that differ by language are checked in ``domain.code_runs.bounds``."""

from __future__ import annotations

import base64
import binascii
from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationInfo, field_validator

MAX_SOURCE_BYTES = 64 * 1024
MAX_TEXT_BYTES = 256 * 1024
MAX_FILE_BYTES = 256 * 1024
# A program begins as a copy of the sandbox's agent, so that none is measured below about 10 MiB.
MIN_MEMORY_BYTES = 16 * 2**20
MAX_FILES = 32
MAX_ARGS = 64
MAX_ARG_BYTES = 4096
MAX_CASES = 100
MAX_RUNS = 100
MAX_NAME_BYTES = 255
MAX_INTEGER = 2**53 - 1


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not contain the NUL character")
    return text


def _at_most(size: int) -> AfterValidator:
    def check(text: str) -> str:
        if len(text.encode()) > size:
            raise ValueError(f"must be at most {size} bytes of UTF-8")
        return text

    return AfterValidator(check)


def _plain_file_name(name: str) -> str:
    if name in (".", "..") or "/" in name:
        raise ValueError("must be a plain file name, without a directory")
    if any(ord(character) < 32 or ord(character) == 127 for character in name):
        raise ValueError("must not contain control characters")
    return name


_NO_NUL = {"pattern": "^[^\\u0000]*$"}
_FILE_NAME = {"pattern": "^(?!\\.{1,2}$)[^/\\u0000-\\u001f\\u007f]+$"}

Text = Annotated[
    str,
    Field(max_length=MAX_TEXT_BYTES, json_schema_extra=_NO_NUL),
    AfterValidator(_without_nul),
    _at_most(MAX_TEXT_BYTES),
]
Source = Annotated[
    str,
    Field(min_length=1, max_length=MAX_SOURCE_BYTES, json_schema_extra=_NO_NUL),
    AfterValidator(_without_nul),
    _at_most(MAX_SOURCE_BYTES),
]
Argument = Annotated[
    str,
    Field(max_length=MAX_ARG_BYTES, json_schema_extra=_NO_NUL),
    AfterValidator(_without_nul),
    _at_most(MAX_ARG_BYTES),
]
CaseName = Annotated[str, Field(max_length=100, json_schema_extra=_NO_NUL), AfterValidator(_without_nul)]
FileName = Annotated[
    str,
    Field(min_length=1, max_length=MAX_NAME_BYTES, json_schema_extra=_FILE_NAME),
    AfterValidator(_plain_file_name),
    _at_most(MAX_NAME_BYTES),
]
Seconds = Annotated[float, Field(ge=0.01, le=3600, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1, le=MAX_INTEGER)]
Memory = Annotated[int, Field(ge=MIN_MEMORY_BYTES, le=MAX_INTEGER)]


class _Strict(BaseModel):
    # Strict: "5" is no number and 1 no truth. Forbid: a misspelt field is an error, not a silent default.
    model_config = ConfigDict(extra="forbid", strict=True)


class FileIn(_Strict):
    """A file beside the program."""

    # Declared, and so validated, before the content that it explains.
    encoding: Literal["utf8", "base64"] = "utf8"
    name: FileName
    content: str = Field(max_length=2 * MAX_FILE_BYTES, description="At most 256 KiB once decoded.")

    @field_validator("content")
    @classmethod
    def _check(cls, content: str, info: ValidationInfo) -> str:
        _decode(content, info.data.get("encoding"))
        return content

    def data(self) -> bytes:
        """Return the content as bytes."""
        return _decode(self.content, self.encoding)


def _decode(content: str, encoding: object) -> bytes:
    data = _decode_base64(content) if encoding == "base64" else _without_nul(content).encode()
    if len(data) > MAX_FILE_BYTES:
        raise ValueError(f"must be at most {MAX_FILE_BYTES} bytes once decoded")
    return data


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise ValueError("is not base64 (RFC 4648 §4, with padding, without line breaks)") from error


class CaseIn(_Strict):
    """One input, and the output that it should give; without one every output is right."""

    name: CaseName | None = Field(None, description='Default: the case\'s number, from "1".')
    stdin: Text | None = Field(None, description="Default: the run's stdin.")
    expected_stdout: Text | None = None


class LimitsIn(_Strict):
    """The bounds of each case. Default and maximum are the language's: see GET /v1/languages."""

    cpu_s: Seconds | None = Field(None, description="CPU seconds of all threads and children together.")
    wall_s: Seconds | None = Field(None, description="Seconds by the clock.")
    memory_bytes: Memory | None = Field(None, description="Resident memory of all processes together.")
    processes: Count | None = Field(None, description="Processes and threads at one time.")
    output_bytes: Count | None = Field(None, description="Of stdout and of stderr, each.")
    file_bytes: Count | None = Field(None, description="The largest file that may be written.")


class CodeRunIn(_Strict):
    """A program, and what to run it on."""

    language: str = Field(min_length=1, max_length=64, description="A name from GET /v1/languages.")
    source: Source = Field(description="The program; at most 64 KiB of UTF-8.")
    files: list[FileIn] = Field([], max_length=MAX_FILES)
    args: list[Argument] = Field([], max_length=MAX_ARGS)
    stdin: Text = Field("", description="The input of every case that has none of its own.")
    cases: list[CaseIn] | None = Field(
        None, min_length=1, max_length=MAX_CASES, description="Default: one case with the run's stdin."
    )
    compare: Literal["exact", "lines", "tokens", "float"] = "lines"
    limits: LimitsIn = Field(default_factory=LimitsIn)
    question: str | None = Field(
        None,
        min_length=1,
        max_length=64,
        description="An id from GET /v1/questions, whose tests are run. Instead of `stdin`, `cases` and `compare`.",
    )

    @property
    def excluded_by_question(self) -> list[str]:
        """Return the fields that were sent although the question has what they say."""
        return [name for name in ("stdin", "cases", "compare") if name in self.model_fields_set]


class BatchIn(_Strict):
    """Up to a hundred runs that are accepted or refused together."""

    runs: list[CodeRunIn] = Field(min_length=1, max_length=MAX_RUNS)
