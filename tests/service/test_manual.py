"""The API as people read it: everything that programs may call stands there."""

import httpx

from service.headers import PAGE_POLICY
from service.pages.rendering import with_code
from tests.service.serving import Serving


def test_every_call_and_every_error_is_on_the_page(shared: Serving) -> None:
    answer = httpx.get(shared.url + "/docs", headers={"Accept": "text/html"})
    document = httpx.get(shared.url + "/openapi.json").json()
    assert answer.status_code == 200
    assert answer.headers["content-security-policy"] == PAGE_POLICY
    for path, methods in document["paths"].items():
        for method, said in methods.items():
            assert f"{method.upper()} {path}" in answer.text
            assert said["summary"] in answer.text.replace("&#39;", "'")
    for code in ("bad_picture", "idempotency_key_reused", "unknown_class", "wrong_role", "busy"):
        assert f"<code>{code}</code>" in answer.text
    for field in ("image", "idempotency-key", "captured_at", "confidence", "model_version"):
        assert f"<code>{field}</code>" in answer.text


def test_the_page_loads_no_script_from_elsewhere(shared: Serving) -> None:
    text = httpx.get(shared.url + "/docs").text
    assert "http://" not in text.replace(shared.url, "")
    assert "https://" not in text


def test_what_stands_between_backticks_is_code_and_stays_escaped(shared: Serving) -> None:
    assert with_code("`a<b>` and <i> & `") == "<code>a&lt;b&gt;</code> and &lt;i&gt; &amp; `"
    assert "`" not in httpx.get(shared.url + "/docs").text
