"""Settings come from the environment: ours by prefix, a few by upstream's names."""

from pathlib import Path

import pytest

from penstock_operator.settings import Settings


def test_names_of_ours_and_of_upstream() -> None:
    found = Settings.from_environment(
        {
            "WATCH_NAMESPACES": "default, flink",
            "OPERATOR_POD_NAME": "pod-1",
            "PENSTOCK_HOME": "/tmp/home",
            "PENSTOCK_LAUNCHER": "python -m 'my runtime'",
            "PENSTOCK_WORKERS": "3",
        }
    )
    assert found.watch_namespaces == ("default", "flink")
    assert found.pod_name == "pod-1"
    assert found.home == Path("/tmp/home")
    assert found.launcher == ("python", "-m", "my runtime")
    assert found.workers == 3
    assert found.health_host == "127.0.0.1"
    assert not found.log_json


def test_pods_log_json() -> None:
    assert Settings.from_environment({"KUBERNETES_SERVICE_HOST": "10.0.0.1"}).log_json
    assert not Settings.from_environment(
        {"KUBERNETES_SERVICE_HOST": "10.0.0.1", "PENSTOCK_LOG_JSON": "false"}
    ).log_json


def test_a_pod_is_asked_for_its_health_at_its_own_address() -> None:
    assert Settings.from_environment({"POD_IP": "10.0.0.9"}).health_host == "10.0.0.9"


def test_jobs_run_the_image_that_this_version_builds() -> None:
    from images.build import IMAGES
    from penstock_operator.build.context import Defaults

    built = next(image.reference for image in IMAGES if image.name == "runtime")
    assert f"docker.io/{Settings().runtime_image}" == built
    assert f"docker.io/{Defaults().image}" == built


def test_rights_in_some_namespaces_need_their_names() -> None:
    found = Settings.from_environment({"WATCH_NAMESPACES": "a,b", "PENSTOCK_RBAC_SCOPE": "Namespaces"})
    assert found.within == ("a", "b")
    assert Settings.from_environment({"WATCH_NAMESPACES": "a,b"}).within == ()
    with pytest.raises(ValueError, match="name them in WATCH_NAMESPACES"):
        Settings.from_environment({"PENSTOCK_RBAC_SCOPE": "Namespaces"})
