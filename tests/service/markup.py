"""What no page of ours has: script in its own text, or an element that somebody's words have become."""

from tests.service.browsing import Element, read

# what a browser fetches, runs or is led to
_ADDRESSES = ("src", "href", "action", "formaction", "data", "srcdoc")


def run_by_a_browser(html: str) -> list[str]:
    """Every element with script or style inline, with a handler, or with an address that is not our own."""
    return [f"<{one.tag} {one.attributes}>" for one in read(html).every() if _is_foreign(one)]


def _is_foreign(one: Element) -> bool:
    addresses = [one.attributes[name] for name in _ADDRESSES if name in one.attributes]
    inline = one.tag == "style" or (
        one.tag == "script" and not one.attributes.get("src", "").startswith("/static/")
    )
    return (
        inline
        or any(name.startswith("on") or name == "style" for name in one.attributes)
        or any(
            not address.startswith(("/", "#", "?")) or address[1:2] == "/" for address in addresses
        )
    )
