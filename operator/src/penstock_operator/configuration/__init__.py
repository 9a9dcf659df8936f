"""The operator's configuration: every key (`options`), how they are read (`values`), which layer wins (`layers`)."""
