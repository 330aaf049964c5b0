"""The configuration files of a node.

All of it is in the format of ``advanced.config``: reading a ``rabbitmq.conf`` costs a node
more than a second of its start.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.harness.broker import PASSWORD, USER, VHOST
from tests.harness.certificates import Certificates, Identity

__all__ = ["NodeConfig"]

TEMPLATE = """[{{rabbit, [
    {{tcp_listeners, [{{"{address}", {port}}}]}},
    {{ssl_listeners, [{{"{address}", {tls_port}}}]}},
    {{ssl_options, [
        {{cacertfile, {directory}"/ca.pem"}},
        {{certfile, {directory}"/server.pem"}},
        {{keyfile, {directory}"/server.key"}},
        {{verify, verify_peer}},
        {{fail_if_no_peer_cert, false}}
    ]}},
    {{default_user, <<"{user}">>}},
    {{default_pass, <<"{password}">>}},
    {{default_vhost, <<"{vhost}">>}}{settings}
]}}].
"""


@dataclass(frozen=True)
class NodeConfig:
    """How a node is to be.

    ``identity`` is the certificate that it shows, ``plugins`` are enabled with their
    dependencies, ``settings`` are Erlang terms for the application ``rabbit``, such as
    ``{heartbeat, 5}``.
    """

    certificates: Certificates
    identity: Identity
    plugins: Sequence[str] = ()
    settings: Sequence[str] = ()

    def write(
        self, directory: Path, *, address: str, port: int, tls_port: int, seen_as: Path
    ) -> None:
        """Write ``advanced.config``, ``enabled_plugins`` and the certificates.

        ``seen_as`` is the path by which the node sees ``directory``.
        """
        shutil.copy(self.certificates.ca_file, directory / "ca.pem")
        shutil.copy(self.identity.cert_file, directory / "server.pem")
        shutil.copy(self.identity.key_file, directory / "server.key")
        (directory / "enabled_plugins").write_text(f"[{','.join(self.plugins)}].\n")
        text = TEMPLATE.format(
            address=address,
            port=port,
            tls_port=tls_port,
            # The quoting of JSON is that of Erlang for all that occurs in a path.
            directory=json.dumps(str(seen_as), ensure_ascii=False),
            user=USER,
            password=PASSWORD,
            vhost=VHOST,
            settings="".join(f",\n    {setting}" for setting in self.settings),
        )
        (directory / "advanced.config").write_text(text)
