"""What looks like a secret is never shown: used for status, Events and logs. Pure.

Keys are Flink's own list of sensitive ones, and what S3 and Kafka call theirs.
"""

import re

HIDDEN = "******"
_WORDS = (
    "password|secret|token|api[-_.]?key|access[-_.]?key|service[-_.]?key|auth[-_.]params|basic[-_.]auth|"
    r"jaas[-_.]config|http[-_.]headers|credential"
)
_SENSITIVE = re.compile(_WORDS, re.IGNORECASE)
_NO_SECRET = re.compile(r"(true|false|[\d.]+( ?[a-z]+)?)?", re.IGNORECASE)
"""Flags, numbers, times and sizes, which some keys with such words have."""
_KEYED = re.compile(
    rf"""(?P<key>["']?[\w.-]*(?:{_WORDS})[\w.-]*["']?\s*(?:=|:\s|:(?=["']))\s*)"""
    r"""(?P<value>"[^"]*"|'[^']*'|[^\s,;}\]]+)""",
    re.IGNORECASE,
)
_BEARER = re.compile(r"(?P<key>\b(?:Bearer|Basic)\s+)[A-Za-z0-9._~+/=-]{8,}")
_LOGIN = re.compile(r"(?P<key>\b[a-z][a-z0-9+.-]*://[^\s/:@]+:)[^\s/@]+(?=@)", re.IGNORECASE)
_SIGNED = re.compile(r"(?P<key>[?&](?:X-Amz-Signature|X-Amz-Credential|X-Amz-Security-Token|sig)=)[^\s&]+")


def is_secret(key: str, value: str) -> bool:
    """Whether the key names a secret and the value may be one."""
    return bool(_SENSITIVE.search(key)) and not _NO_SECRET.fullmatch(value.strip())


def redacted(text: str) -> str:
    """The text, with the values of keys that name secrets, logins in URLs and signatures hidden."""
    hidden = _KEYED.sub(_hide_value, text)
    for pattern in (_BEARER, _LOGIN, _SIGNED):
        hidden = pattern.sub(rf"\g<key>{HIDDEN}", hidden)
    return hidden


def _hide_value(found: re.Match[str]) -> str:
    value = found["value"]
    quote = value[0] if value[0] in "\"'" else ""
    return f"{found['key']}{quote}{HIDDEN}{quote}"
