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
    """Passed over is what the document cannot say: `docs/guides/api.md` lists it."""
    if not isinstance(case.body, dict):
        return True
    # which classes there are comes with the models
    fits = case.meta is not None and case.meta.generation.mode.is_positive
    names_a_class = fits and isinstance(case.body.get("label"), str)
    return not names_a_class and not _is_text_once_sent(case.body)


def _is_text_once_sent(body: dict[str, Any]) -> bool:
    """Whatever stands in a form's field is sent as text, but a list of two and more as the same field twice."""
    given = [body[one] for one in ("segment", "subject", "reference") if one in body]
    return any(not isinstance(one, str) and not _is_sent_twice(one) for one in given)


def _is_sent_twice(given: Any) -> bool:
    return isinstance(given, list) and len(given) > 1
