"""Reasons are words of the wire with a sentence; upstream's keep their names."""

import pickle
import re

from penstock_api.reasons import Domain, Reason

UPSTREAM = set(
    re.findall(
        r"\w+",
        """
Submit Suspended SpecChanged Scaling Cleanup JobStatusChanged Rollback RecoverDeployment RestartUnhealthyJob
UnsupportedFlinkVersion Missing Error ValidationError CleanupFailed SavepointError CheckpointError SnapshotError
SnapshotAbandoned JobException UpgradeFailed RestoreFailed CheckpointNotFound IngressManagement ScalingReport
IneffectiveScaling MemoryPressure ResourceQuotaReached ScalingLimited ScalingVetoed AutoscalerError
CrashLoopBackOff ImagePullBackOff ErrImagePull RunContainerError CreateContainerConfigError OOMKilled FailedCreate
FailedMount
""",
    )
)


def test_upstreams_reasons_are_all_there() -> None:
    assert {reason.value for reason in Reason} >= UPSTREAM


def test_every_reason_is_a_word_with_a_sentence() -> None:
    for reason in Reason:
        assert re.fullmatch(r"[A-Z][A-Za-z]+", reason), reason
        assert re.fullmatch(r"[A-Z][^\n]{15,130}\.", reason.sentence), reason
        assert isinstance(reason.domain, Domain)


def test_a_warning_that_its_owner_can_mend_says_who() -> None:
    assert Reason.PROGRAM_NEVER_EXECUTED.domain is Domain.USER
    assert Reason.CHECKPOINT_STORAGE_UNAVAILABLE.domain is Domain.EXTERNAL
    assert Reason.SUBMIT.is_warning is False
    assert Reason.OLD_JOB_STILL_RUNNING.is_warning is True


def test_a_reason_is_its_word_and_travels() -> None:
    assert Reason("ProgramFailed") is Reason.PROGRAM_FAILED
    assert Reason.of("ProgramFailed") is Reason.PROGRAM_FAILED
    assert Reason.of("SomethingOfNextYear") is Reason.of(None) is Reason.ERROR
    assert f"{Reason.PROGRAM_FAILED}" == "ProgramFailed"
    assert pickle.loads(pickle.dumps(Reason.PROGRAM_FAILED)) is Reason.PROGRAM_FAILED
