"""Forms, before a library reads them: that happens on the loop and byte by byte, and some that are large would take seconds.

What makes it slow is counted here by searches that take milliseconds: fields, parts, and what stands before a part's own bytes.
A form that a browser or a client of HTTP makes has none of it.
"""

from python_multipart.multipart import parse_options_header
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope

from service.errors import Problem
from service.uploads import SMALL, too_large

MULTIPART, URLENCODED = b"multipart/form-data", b"application/x-www-form-urlencoded"
# of one form: the questions before a rollout with all the risks that there may be are 231
MOST_FIELDS = 300
# bytes before the parts' own, of all parts together: their names, the file's name and its media type
LARGEST_HEADS = 16 * 1024
# as RFC 2046 has it
LONGEST_BOUNDARY = 70


def check(scope: Scope, body: bytes) -> None:
    """Raises Problem 400 where a body is a form that nobody's client makes."""
    kind, boundary = _said(scope)
    if kind == URLENCODED:
        # no picture can come in one
        if len(body) > SMALL:
            raise too_large(SMALL)
        _check_fields(body.count(b"&"))
    elif kind == MULTIPART:
        if not boundary:
            raise Problem(400, "bad_request", "The Content-Type names no boundary of the form.")
        _check_parts(body, b"\r\n--" + boundary)


def counted(scope: Scope, receive: Receive) -> Receive:
    """The same, part by part, of a body that is read by the application itself: reading it raises."""
    if scope["method"] not in ("POST", "PUT", "PATCH") or _said(scope)[0] != URLENCODED:
        return receive
    fields = 0

    async def next_part() -> Message:
        nonlocal fields
        message = await receive()
        fields += message.get("body", b"").count(b"&")
        _check_fields(fields)
        return message

    return next_part


def _said(scope: Scope) -> tuple[bytes, bytes]:
    """The media type, as the library will read it, and the boundary."""
    kind, options = parse_options_header(Headers(scope=scope).get("content-type"))
    return kind, options.get(b"boundary", b"")


def _check_fields(number: int) -> None:
    if number > MOST_FIELDS:
        raise Problem(400, "bad_request", f"A form has at most {MOST_FIELDS} fields here.")


def _check_parts(body: bytes, line: bytes) -> None:
    if len(line) > len(b"\r\n--") + LONGEST_BOUNDARY:
        raise Problem(400, "bad_request", "The boundary of the form is too long.")
    # some begin with the end of a line that is none
    at = 0 if body.startswith(line) else -2
    if at < 0 and not body.startswith(line[2:]):
        raise Problem(400, "bad_request", "The form does not begin with its boundary.")
    at, room, fields = at + len(line), LARGEST_HEADS, 0
    while body.startswith(b"\r\n", at):
        # without any header the empty line follows at once
        end = body.find(b"\r\n\r\n", at, at + room)
        if end == -1:
            raise Problem(400, "bad_request", "What stands before the parts of the form is too long.")  # fmt: skip
        room, fields = room - (end - at), fields + 1
        _check_fields(fields)
        # what follows the empty line at once is the part's, also where it looks like a boundary
        at = body.find(line, end + 4)
        if at == -1:
            raise Problem(400, "bad_request", "The form ends in the middle of a part.")
        at += len(line)
    if not body.startswith(b"--", at):
        raise Problem(400, "bad_request", "Behind a boundary of the form a line has to end.")
