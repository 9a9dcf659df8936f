"""Made-up records, named as in Flink's Java API; PyFlink has none."""

from penstock.connectors.datagen.rates import RateLimiterStrategy
from penstock.connectors.datagen.source import DataGeneratorSource, GeneratorFunction

__all__ = ["DataGeneratorSource", "GeneratorFunction", "RateLimiterStrategy"]
