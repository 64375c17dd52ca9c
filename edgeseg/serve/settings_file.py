"""Reads a service's settings, and checks all that can be checked before a camera is opened.

    bundle = "road"

    [cameras.gate]
    source = "rtsp://gate/stream"

docs/serve.md names every key.
"""

from __future__ import annotations

import ipaddress
import os
from pathlib import Path
from typing import cast, get_args

from edgeseg.artifact import Precision
from edgeseg.auto import AUTO
from edgeseg.bundle import Bundle
from edgeseg.candidate import default_candidate
from edgeseg.certificates import check_certificate
from edgeseg.errors import BundleError, EngineError
from edgeseg.processor import most_threads
from edgeseg.serve.camera_table import read_camera
from edgeseg.serve.listen import check_free, is_loopback, parse_address, read_token
from edgeseg.serve.settings import Batching, BundleSettings, ListenSettings, MqttSettings, ServiceSettings
from edgeseg.serve.toml_table import Table, read_toml
from edgeseg.trust import Demand, check_trust, find_trust
from edgeseg.video.access import read_credentials
from edgeseg.video.options import Mode

PORT, TLS_PORT = 1883, 8883
"""Of MQTT."""

MOST_CAMERAS = 256


def read_settings(path: Path, running: ServiceSettings | None = None) -> tuple[ServiceSettings, Bundle]:
    """The settings in a file, and the bundle that they name.

    Args:
        path: of the file.
        running: of the service that is to take them over, which holds its port.

    Raises:
        UsageError: the file cannot be read or something in it is wrong; the sentence names file and line.
    """
    table = read_toml(path)
    bundle, opened = _bundle(table)
    listen = _listen(table, None if running is None else running.listen)
    mqtt = _mqtt(table.table("mqtt"))
    cameras = table.table("cameras")
    table.finish()
    if cameras is None or not (names := cameras.keys()):
        raise table.error("names no camera; add one: [cameras.gate] and source = ...")
    if len(names) > MOST_CAMERAS:
        raise table.error(f"names {len(names)} cameras, expected at most {MOST_CAMERAS}")
    read = tuple(read_camera(name, cameras.inner(name), opened.spec) for name in names)
    return ServiceSettings(bundle, read, listen, mqtt), opened


def _bundle(table: Table) -> tuple[BundleSettings, Bundle]:
    name = table.text("bundle", BundleSettings.bundle)
    if os.sep in name:
        name = str(table.path("bundle", None))
    demand = Demand(
        table.flag("require_signature", default=False),
        table.path("trust", None),
        table.integer("min_version", None, low=0, high=2**31),
    )
    if demand.trust is not None:
        with table.at("trust"):
            find_trust(demand.trust)
    settings = BundleSettings(
        bundle=name,
        engine=table.text("engine", BundleSettings.engine),
        precision=cast("Precision | None", table.choice("precision", get_args(Precision), None)),
        mode=cast(Mode, table.choice("mode", get_args(Mode), BundleSettings.mode)),
        workers=table.integer("workers", None, low=1, high=most_threads()),
        threads=table.integer("threads", None, low=1, high=most_threads()),
        batch=cast(Batching, table.choice("batch", get_args(Batching), BundleSettings.batch)),
        demand=demand,
    )
    with table.at("bundle"):
        opened = Bundle.open(settings.bundle)
        check_trust(opened, **vars(demand), remember=False)
    if settings.batch == "on" and opened.spec.batch == 1:
        reason = f'is "on", and {opened.spec.name} takes one frame at a time'
        raise table.error(f"{reason}; export it with --batch, or leave this out", "batch")
    if settings.engine != AUTO:
        try:
            default_candidate(opened, settings.engine, settings.precision)
        except EngineError as error:
            raise table.error(f"is {settings.engine!r}: {error}", "engine") from error
        except BundleError as error:
            raise table.error(f"does not fit: {error}", "precision" if settings.precision else "engine") from error
    return settings, opened


def _listen(table: Table, held: ListenSettings | None) -> ListenSettings | None:
    text = table.text("listen", None)
    token_file, certificate, key = (
        table.file(name, secret=name == "token_file") for name in ("token_file", "certificate", "key")
    )
    if text is None:
        for name in ("token_file", "certificate", "key"):
            if name in table:
                raise table.error('is there without listen; add listen = "127.0.0.1:8765", or leave it out', name)
        return None
    with table.at("listen"):
        host, port = parse_address(text)
        local = is_loopback(host)
    if not local and token_file is None:
        raise table.error(
            f"is {text!r}, which others than this machine can reach; add token_file = FILE, a token of at least 16 "
            "characters, or take 127.0.0.1",
            "listen",
        )
    token = None
    if token_file is not None:
        with table.at("token_file"):
            token = read_token(token_file)
    if (certificate is None) != (key is None):
        raise table.error("is there alone; certificate and key go together", "certificate" if certificate else "key")
    if certificate is not None and key is not None:
        with table.at("certificate"):
            check_certificate(certificate, key)
    listen = ListenSettings(host, port, token, certificate, key)
    if held is None or (held.host, held.port) != (host, port):
        with table.at("listen"):
            check_free(listen, ours=held is not None and held.port == port)  # by another name: 0.0.0.0 after 127.0.0.1
    return listen


def _mqtt(table: Table | None) -> MqttSettings | None:
    if table is None:
        return None
    table.need("host", 'where the broker is, "127.0.0.1"')
    host = table.text("host", "")
    if not _is_host(host):  # which is not shown: an address may hold a password
        raise table.error('is no name or address of a machine; write host = "127.0.0.1", and port = 1883', "host")
    ca = table.file("ca")
    topic = table.text("topic", MqttSettings.topic)
    if any(each in topic for each in "+#\0") or topic.startswith(("/", "$")) or topic.endswith("/") or len(topic) > 200:
        raise table.error(f'is {topic!r:.80}, expected a topic such as "house/edgeseg", without + # and $', "topic")
    credentials = table.file("credentials", secret=True)
    with table.at("credentials"):
        read = None if credentials is None else read_credentials(credentials)
    settings = MqttSettings(
        host=host,
        port=table.integer("port", TLS_PORT if ca else PORT, low=1, high=65535),
        topic=topic,
        credentials=read,
        ca=ca,
    )
    table.finish()
    return settings


def _is_host(text: str) -> bool:
    """Whether it can be the name or address of a machine, without scheme, user, port and path."""
    try:
        if ":" in text:
            ipaddress.IPv6Address(text)
        text.encode("idna")  # as it is asked for
    except ValueError:
        return False
    return not set(text) & set("/@ ")
