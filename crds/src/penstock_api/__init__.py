"""The contract that the operator and the runtime share: resources, REST bodies, checkpoint metadata, keys."""
