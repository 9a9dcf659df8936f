"""What looks like a secret is hidden, and what does not is left to be read."""

import json

import pytest

from penstock_api.reasons import Reason
from penstock_operator.decide.present import error_text
from penstock_operator.model.facts import Problem
from penstock_operator.model.redaction import redacted


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3.secret-key=abc and more", "s3.secret-key=****** and more"),
        ("s3.access-key: AKIA1, region: eu", "s3.access-key: ******, region: eu"),
        ('{"ssl.keystore.password": "p w", "x": 1}', '{"ssl.keystore.password": "******", "x": 1}'),
        ("sasl.jaas.config='a b'", "sasl.jaas.config='******'"),
        ("GET https://me:word@host/x failed", "GET https://me:******@host/x failed"),
        ("Authorization: Bearer abcdef0123456789", "Authorization: Bearer ******"),
        ("https://b/x?X-Amz-Signature=feed&n=1", "https://b/x?X-Amz-Signature=******&n=1"),
        ("secret 'storage' is not in shop: create it", "secret 'storage' is not in shop: create it"),
        (
            "spec.flinkConfiguration[s3.secret-key] is not known",
            "spec.flinkConfiguration[s3.secret-key] is not known",
        ),
        ("job 00ff at s3://bucket/chk-3: restored", "job 00ff at s3://bucket/chk-3: restored"),
    ],
)
def test_values_of_secrets_are_hidden_and_the_rest_is_shown(text: str, shown: str) -> None:
    assert redacted(text) == shown


def test_the_error_in_the_status_shows_no_secret() -> None:
    text = error_text(Problem(Reason.ERROR, "refused: s3.secret-key=abc")) or ""
    assert json.loads(text)["message"] == "refused: s3.secret-key=******"
