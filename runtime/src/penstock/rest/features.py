"""What the API and the page may do, from the configuration: `web.cancel.enable`, `web.submit.enable`, `web.rescale.enable`.

Read by the handlers that refuse and by GET /config, which tells a page what to offer.
"""

from collections.abc import Mapping

from starlette.exceptions import HTTPException

CANCEL, SUBMIT, RESCALE = "web.cancel.enable", "web.submit.enable", "web.rescale.enable"


def is_on(configuration: Mapping[str, str], key: str) -> bool:
    """Features are on unless the configuration says false."""
    return configuration.get(key, "true").strip().lower() != "false"


def features_of(configuration: Mapping[str, str], takes_programs: bool) -> dict[str, bool]:
    """Flink's `features` of /config."""
    return {
        "web-submit": takes_programs and is_on(configuration, SUBMIT),
        "web-cancel": is_on(configuration, CANCEL),
        "web-rescale": is_on(configuration, RESCALE),
        "web-history": False,
    }


def require(configuration: Mapping[str, str], key: str, what: str) -> None:
    """403 when the feature is off."""
    if not is_on(configuration, key):
        raise HTTPException(403, f"{what} over REST is off in this cluster: {key} is false")
