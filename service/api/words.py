"""The kinds of text that the API takes: no control characters, which one of the two databases would refuse."""

from typing import Annotated

from pydantic import StringConstraints

# a name that consumers give: one line
Word = Annotated[
    str, StringConstraints(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")
]
# an Idempotency-Key, as it may stand in a header
Key = Annotated[str, StringConstraints(min_length=1, max_length=200, pattern=r"^[\x21-\x7e]+$")]
# a reason or a note: may have several lines
Sentences = Annotated[
    str,
    StringConstraints(
        strip_whitespace=True,
        min_length=1,
        max_length=2000,
        pattern=r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f]*$",
    ),
]
