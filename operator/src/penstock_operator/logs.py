"""Logging of the operator's process: text for people, JSON in pods. Set up once by `__main__`."""

import logging
import sys

import structlog

from penstock_operator.model.redaction import redacted
from penstock_operator.settings import Settings


def set_up_logs(settings: Settings) -> None:
    """Configure structlog, and the standard library's logging for the libraries that use it."""
    level = logging.getLevelNamesMapping().get(settings.log_level.upper(), logging.INFO)
    logging.basicConfig(
        level=max(level, logging.INFO), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )
    for noisy in ("botocore", "boto3", "urllib3", "httpx", "httpcore"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if settings.log_json
        else structlog.dev.ConsoleRenderer(colors=False)
    )
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            _hide_secrets,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )


def _hide_secrets(_: object, __: str, said: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """No line shows what looks like a secret, whatever library's message it quotes."""
    return {key: redacted(value) if isinstance(value, str) else value for key, value in said.items()}
