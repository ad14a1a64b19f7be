"""The kinds of text that the API takes: no control characters, which one of the two databases would refuse."""

import re
from typing import Annotated

from pydantic import AwareDatetime, BeforeValidator, StringConstraints

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


# seconds since 1970 would be taken for a date too, and mostly are a mistake
Instant = Annotated[AwareDatetime, BeforeValidator(_written_out)]
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
