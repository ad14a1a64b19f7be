"""The kinds of text that the API takes: no control characters, which one of the two databases would refuse, and no
halves of characters, which JSON can write and nobody can show.
"""

import json
import re
from datetime import MINYEAR, UTC, datetime
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

FIRST, LAST = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
# a name that consumers give: one line
Word = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
# an Idempotency-Key, as it may stand in a header
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]


def _written_out(value: object) -> object:
    if isinstance(value, str) and not re.match(r"\d{4}-\d\d-\d\d[Tt ]", value):
        raise ValueError("write it as 2026-03-02T12:00:00+01:00")
    return value


def _within_calendar(moment: datetime) -> datetime:
    try:
        moment.astimezone(UTC)
    except OverflowError:
        # on the first or the last day that there is, but not in UTC any more
        return FIRST if moment.year == MINYEAR else LAST
    return moment


# seconds since 1970 would be taken for a date too, and mostly are a mistake
Instant = Annotated[
    AwareDatetime,
    # JSON has no other way to say a moment than a text
    Field(strict=False),
    BeforeValidator(_written_out),
    AfterValidator(_within_calendar),
]
# a reason or a note: may have several lines
Sentences = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=2000,
        # something in it is no white space
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*[^\s\x00-\x1f\x7f][^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
    ),
]


class Sent(BaseModel):
    """What comes as JSON: neither "yes" nor 1 is taken for true.

    A lone surrogate in it, wherever it stands, names too, is refused before all else.
    """

    model_config = ConfigDict(strict=True)

    @model_validator(mode="before")
    @classmethod
    def is_text(cls, value: Any) -> Any:
        """All of it can be written in UTF-8, as pages and answers are."""
        try:
            json.dumps(value, ensure_ascii=False).encode()
        except (UnicodeEncodeError, RecursionError) as error:
            raise ValueError("half a character (a lone surrogate) is no text") from error
        except TypeError:
            return value  # it came as no JSON at all, which the fields refuse
        return value
