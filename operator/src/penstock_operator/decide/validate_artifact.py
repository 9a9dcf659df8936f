"""Validation of where a session job's program may come from: schemes, and hosts that are public. Pure.

Called by validation in the loop and in the webhook, and by whoever fetches: a name may resolve to another address later.
"""

import ipaddress
from collections.abc import Callable, Iterator, Sequence
from urllib.parse import urlsplit

from penstock_operator.configuration.values import Values
from penstock_operator.decide.validate_resources import refuse
from penstock_operator.model.facts import Problem

Resolve = Callable[[str], Sequence[str]]
"""Addresses of a host name; raises OSError where it has none."""
_WEB = ("http", "https")


def check_artifact(
    uri: str, values: Values, resolve: Resolve | None = None, path: str = "spec.job.jarURI"
) -> Iterator[Problem]:
    """What is wrong with the URI by the operator's options; host names are looked up where `resolve` is given."""
    try:
        parts = urlsplit(uri)
    except ValueError as error:
        yield refuse(f"{path} {uri!r} cannot be read as a URI ({error}): write it as https://host/path")
        return
    allowed = values.names("user.artifacts.allowed-schemes")
    if not parts.scheme:
        yield refuse(f"{path} {uri!r} has no scheme: write it as https://host/path")
    elif "*" not in allowed and parts.scheme not in allowed:
        yield refuse(
            f"{path} {uri!r}: the scheme {parts.scheme} is not allowed here: use {' or '.join(allowed)}, "
            "or have kubernetes.operator.user.artifacts.allowed-schemes changed"
        )
    elif parts.scheme in _WEB and not parts.hostname:
        yield refuse(f"{path} {uri!r} names no host: write it as https://host/path")
    elif parts.scheme in _WEB and values.boolean("user.artifacts.disallow-restricted-hosts"):
        yield from _host(parts.hostname or "", path, resolve)


def _host(host: str, path: str, resolve: Resolve | None) -> Iterator[Problem]:
    try:
        addresses: Sequence[str] = [str(ipaddress.ip_address(host))]
    except ValueError:
        if host == "localhost" or host.endswith(".localhost"):
            yield refuse(f"{path}: the host {host!r} is this machine: name a public one")
            return
        try:
            addresses = resolve(host) if resolve is not None else ()
        except OSError as error:
            yield refuse(f"{path}: the host {host!r} is not found ({error}): correct its name")
            return
    for address in addresses:
        if is_restricted(address):
            yield refuse(
                f"{path}: the host {host!r} has the address {address}, which is not public: name a public host, "
                "or have kubernetes.operator.user.artifacts.disallow-restricted-hosts changed"
            )
            return


def is_restricted(address: str) -> bool:
    """Whether the address is loopback, link-local, private, unspecified, multicast or otherwise not public."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return found.is_multicast or not found.is_global
