"""Custom resources of group flink.apache.org, version v1beta1: one file a kind."""
