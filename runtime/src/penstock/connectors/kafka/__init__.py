"""Kafka: source, exactly-once sink, and the transaction protocol between checkpoints and brokers."""
