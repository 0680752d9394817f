"""What the API's bodies and answers look like; an answer leaves out what has no value."""

from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field

from idp.domain.identity.people import read_public_reason

#: Built when first used: most processes never serve this API.
SENT: Final = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)
TOLD: Final = ConfigDict(frozen=True, defer_build=True)

Instant = Annotated[int, Field(description="Seconds since 1970.")]


class Shape(BaseModel):
    """Something that is told."""

    model_config = TOLD


class Sent(BaseModel):
    """Something that is sent."""

    model_config = SENT


class Justified(Sent):
    """Why; it stands in the audit, so nothing personal may stand in it."""

    reason: str = Field(min_length=1, max_length=500)

    @property
    def told(self) -> str:
        """The reason as it is kept; refuses with `reason.required`, `.long` or `.personal`."""
        return read_public_reason(self.reason)


class Nothing(Sent):
    """An empty object."""


class FieldProblem(Shape):
    """One thing that is wrong with what was sent, and where."""

    code: str
    detail: str
    pointer: str | None = Field(None, description="Into the body (RFC 6901).")
    parameter: str | None = Field(None, description="Of the query.")
    header: str | None = None


class ProblemDocument(Shape):
    """Why not (RFC 9457)."""

    type: str
    title: str
    status: int
    code: str = Field(description="Stable; what programs decide by.")
    detail: str
    request_id: str = Field(description="Under which this call stands in our logs.")
    errors: list[FieldProblem] | None = None


class Page(Shape):
    """What every list has."""

    next: str | None = Field(None, description="Where the list goes on; absent at its end.")


class Cursored(BaseModel):
    """What a list takes whose pages have a fixed length."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    cursor: str | None = Field(
        None, max_length=512, description="Where to go on: part of `next`, for nobody else to make."
    )


class PageQuery(Cursored):
    """What other lists take."""

    limit: int = Field(50, ge=1, le=200, description="How many at most.")
