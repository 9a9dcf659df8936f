"""Where a program comes from: files out of ConfigMaps are mounted, every other URI is the runtime's to fetch."""

from dataclasses import dataclass

from penstock_api.reasons import Reason
from penstock_api.v1beta1.deployment import FlinkDeploymentSpec
from penstock_operator.build.context import PROGRAM_DIRECTORY
from penstock_operator.errors import UserError

_SCHEME = "configmap://"


@dataclass(frozen=True, slots=True)
class ConfigMapFile:
    """One file of a ConfigMap beside the resource."""

    config_map: str
    key: str

    @property
    def path(self) -> str:
        """Where the pods find it."""
        return f"{PROGRAM_DIRECTORY}/{self.config_map}/{self.key}"


def config_map_file(uri: str) -> ConfigMapFile | None:
    """The file that `configmap://name/key` means; None for other URIs."""
    if not uri.startswith(_SCHEME):
        return None
    name, _, key = uri.removeprefix(_SCHEME).partition("/")
    if not name or not key or "/" in key:
        message = f"{uri!r} does not name a file of a ConfigMap: write configmap://NAME/KEY"
        raise UserError(Reason.VALIDATION_ERROR, message)
    return ConfigMapFile(name, key)


def program_path(uri: str) -> str:
    """What the runtime is told: a path in the pod for files of ConfigMaps, the URI itself otherwise."""
    found = config_map_file(uri)
    return found.path if found else uri


def config_map_files(spec: FlinkDeploymentSpec) -> tuple[ConfigMapFile, ...]:
    """Every file of a ConfigMap that the job names, each ConfigMap once or more."""
    job = spec.job
    if job is None:
        return ()
    uris = [job.jar_uri or "", job.requirements or "", *job.archives]
    return tuple(found for uri in uris if (found := config_map_file(uri)))
