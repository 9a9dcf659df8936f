"""Reports: what was decided and what became of it, written to the resource's status and Events."""
