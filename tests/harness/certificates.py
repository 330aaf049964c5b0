"""TLS certificates for the tests, right ones and wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import trustme

__all__ = ["Certificates", "Identity", "issue_certificates"]


@dataclass(frozen=True)
class Identity:
    """A certificate with its private key, both PEM files."""

    cert_file: Path
    key_file: Path


@dataclass(frozen=True)
class Certificates:
    """One authority that is to be trusted, one that is not, and what they have signed."""

    ca_file: Path
    server: Identity
    """For ``localhost`` and ``127.0.0.1``."""
    wrong_host: Identity
    """Of the same authority, for another host."""
    client: Identity
    """Of the same authority, for the user ``admin``."""
    stranger_ca_file: Path
    stranger: Identity
    """For ``localhost`` and ``127.0.0.1``, of the other authority."""


def issue_certificates(directory: Path) -> Certificates:
    """Write all certificates into ``directory``."""
    authority, other = trustme.CA(), trustme.CA()
    here = ("localhost", "127.0.0.1")
    return Certificates(
        ca_file=_write_authority(authority, directory / "ca.pem"),
        server=_write(authority.issue_cert(*here), directory / "server"),
        wrong_host=_write(authority.issue_cert("elsewhere.example"), directory / "wrong-host"),
        client=_write(authority.issue_cert(common_name="admin"), directory / "client"),
        stranger_ca_file=_write_authority(other, directory / "stranger-ca.pem"),
        stranger=_write(other.issue_cert(*here), directory / "stranger"),
    )


def _write_authority(authority: trustme.CA, path: Path) -> Path:
    authority.cert_pem.write_to_path(path)
    return path


def _write(leaf: trustme.LeafCert, stem: Path) -> Identity:
    identity = Identity(stem.with_suffix(".pem"), stem.with_suffix(".key"))
    for blob in leaf.cert_chain_pems:
        blob.write_to_path(identity.cert_file, append=True)
    leaf.private_key_pem.write_to_path(identity.key_file)
    return identity
