"""What schemathesis must be told about the service: an upload is a picture, taken in the past, and a form is text."""

from datetime import UTC, datetime
from typing import Any

import schemathesis
from hypothesis import strategies as st

from tests.classifier.files import blocks, encode

for name in ("jpeg", "png", "webp", "gif", "bmp", "tiff"):
    files = [encode(blocks(side, side), name) for side in (24, 60)]
    schemathesis.openapi.media_type(f"image/{name}", st.sampled_from(files))

PAST = st.datetimes(datetime(1900, 1, 1), datetime(2025, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001  # hypothesis takes bounds without a zone
schemathesis.openapi.format("date-time", PAST.map(datetime.isoformat))


@schemathesis.hook
def filter_case(_: Any, case: schemathesis.Case[Any]) -> bool:
    """In a form a number is the text of a number, and no violation of `type: string`: that case is passed over."""
    texts = ("segment", "subject", "reference")
    return not isinstance(case.body, dict) or all(
        isinstance(case.body.get(one, ""), str | dict | list) for one in texts
    )
