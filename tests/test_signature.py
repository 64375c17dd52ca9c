"""What is signed, byte for byte, by standards that others implement too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgeseg.errors import BundleError
from edgeseg.signature import FILE, TYPE, Statement, canonical, read_signature

pytest.importorskip("cryptography", reason="signatures need edgeseg[sign]")

STATEMENT = Statement("road", 4, "0" * 64, None)


def test_the_message_is_that_of_the_standards() -> None:
    body = '{"card_sha256":null,"index_sha256":"' + "0" * 64 + '","name":"road","version":4}'
    assert STATEMENT.message() == f"DSSEv1 {len(TYPE)} {TYPE} {len(body)} {body}".encode()


def test_the_message_is_what_another_implementation_of_dsse_signs() -> None:
    dsse = pytest.importorskip("securesystemslib.dsse", reason="comes with edgeseg[update]")
    statement = {"version": 4, "name": "road", "card_sha256": None, "index_sha256": "0" * 64}
    body = canonical(statement)
    assert dsse.Envelope(body, TYPE, {}).pae() == STATEMENT.message()


# From RFC 8785, 3.2.2 and 3.2.3: the example, and its canonical form.
EXAMPLE = (
    r'{"numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001], '
    r'"string": "\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/", "literals": [null, true, false]}'
)
FORM = (
    r'{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],'
    '"string":"\u20ac$\\u000f\\nA\'B\\"\\\\\\\\\\"/"}'
)


def test_the_canonical_form_is_that_of_rfc_8785() -> None:
    assert canonical(json.loads(EXAMPLE)).decode() == FORM


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.floats(-(2.0**53) + 1, 2.0**53 - 1)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), inner, max_size=4),
    max_leaves=8,
)  # fmt: skip


@given(data=json_values)
def test_the_canonical_form_keeps_all_that_json_says(data: object) -> None:
    form = canonical(data)
    assert json.loads(form) == data
    assert canonical(json.loads(form)) == form
    assert canonical(json.loads(json.dumps(data, indent=3))) == form


def test_a_second_of_anything_is_refused(tmp_path: Path) -> None:
    digest = "0" * 64
    signed = f'"signed": {{"name": "x", "version": 1, "index_sha256": "{digest}", "card_sha256": null}}'
    one = f'{{"key": "{digest}", "signature": "{digest}{digest}"}}'
    for text, reason in (
        (f'{{"format": 1, "format": 1, {signed}, "signatures": []}}', "there twice"),
        (f'{{"format": 1, {signed}, "signatures": [{one}, {one}]}}', "one signature"),
        (f'{{"format": 1, {signed}, "signatures": [], "more": 1}}', "does not know: more"),
        (f'{{"format": 2, {signed}, "signatures": []}}', "update edgeseg"),
        (f'{{"format": 1, {signed}, "signatures": [{one.replace(digest * 2, "A" * 128)}]}}', "hexadecimal"),
        (f'{{"format": 1, {signed.replace("1", "0", 1)}, "signatures": []}}', "expected 1 to"),
        (f'{{"format": 1, {signed.replace("x", "../x", 1)}, "signatures": []}}', "name is"),
        (" " * 70000, "expected at most"),
    ):
        (tmp_path / FILE).write_text(text)
        with pytest.raises(BundleError, match=reason):
            read_signature(tmp_path)
    (tmp_path / FILE).unlink()
    assert read_signature(tmp_path) is None
    assert read_signature(tmp_path / "none") is None
