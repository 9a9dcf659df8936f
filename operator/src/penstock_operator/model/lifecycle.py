"""The life of a resource: one table of the legal moves between lifecycle states, with what each state means.

Read by `decide/` (which move was made), by golden tests (no illegal move in any rollout) and by the documentation.
"""

from penstock_api.v1beta1.status import LifecycleState

_S = LifecycleState

LEGAL_MOVES: dict[LifecycleState, frozenset[LifecycleState]] = {
    _S.CREATED: frozenset({_S.SUSPENDED, _S.UPGRADING, _S.DEPLOYED, _S.STABLE, _S.FAILED, _S.DELETING}),
    _S.SUSPENDED: frozenset({_S.UPGRADING, _S.DEPLOYED, _S.FAILED, _S.DELETING}),
    _S.UPGRADING: frozenset({_S.DEPLOYED, _S.STABLE, _S.SUSPENDED, _S.FAILED, _S.ROLLING_BACK, _S.DELETING}),
    _S.DEPLOYED: frozenset({_S.STABLE, _S.UPGRADING, _S.FAILED, _S.ROLLING_BACK, _S.SUSPENDED, _S.DELETING}),
    _S.STABLE: frozenset({_S.UPGRADING, _S.DEPLOYED, _S.FAILED, _S.SUSPENDED, _S.DELETING}),
    _S.ROLLING_BACK: frozenset({_S.ROLLED_BACK, _S.UPGRADING, _S.FAILED, _S.SUSPENDED, _S.DELETING}),
    _S.ROLLED_BACK: frozenset(
        {_S.UPGRADING, _S.FAILED, _S.SUSPENDED, _S.DELETING, _S.ROLLING_BACK, _S.DEPLOYED, _S.STABLE}
    ),
    _S.FAILED: frozenset(
        {
            _S.UPGRADING,
            _S.DEPLOYED,
            _S.STABLE,
            _S.SUSPENDED,
            _S.DELETING,
            _S.CREATED,
            _S.ROLLING_BACK,
            _S.ROLLED_BACK,
        }
    ),
    _S.DELETING: frozenset({_S.DELETED}),
    _S.DELETED: frozenset(),
}

MEANING: dict[LifecycleState, str] = {
    _S.CREATED: "The resource was made and nothing was deployed yet.",
    _S.SUSPENDED: "The job was stopped as asked; its state is kept.",
    _S.UPGRADING: "The job is being stopped or started for a change.",
    _S.DEPLOYED: "The wanted spec is deployed and was not yet seen to work.",
    _S.STABLE: "The wanted spec is deployed and works.",
    _S.ROLLING_BACK: "The last stable spec is being deployed again.",
    _S.ROLLED_BACK: "The last stable spec runs; the wanted one did not work.",
    _S.FAILED: "The job failed for good, or could not be started.",
    _S.DELETING: "The resource is being deleted.",
    _S.DELETED: "The resource and everything of its job are gone.",
}


def is_legal(before: LifecycleState | None, after: LifecycleState) -> bool:
    """Whether a resource may go from one state to the other; staying, and beginning, are always legal."""
    return before is None or before is after or after in LEGAL_MOVES[before]
