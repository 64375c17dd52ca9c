"""A server that speaks as S3 does, in this process: moto, which shares no code with pyarrow."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import boto3
from moto.server import ThreadedMotoServer

READING = """{"Version": "2012-10-17", "Statement":
    [{"Effect": "Allow", "Action": ["s3:ListBucket", "s3:HeadBucket", "s3:GetObject"], "Resource": "*"}]}"""
"""A policy. HeadBucket is moto's own name for what AWS counts to ListBucket."""


NUMBERS = itertools.count(1)
"""Of buckets and users: the servers of one process share what is in them."""


class Bucket:
    """A bucket with versions, which therefore remembers how often each object was written.

    Attributes:
        name: of it.
        url: s3://NAME.
    """

    def __init__(self, client: Any, name: str) -> None:
        self.name, self.url = name, f"s3://{name}"
        self._client = client
        client.create_bucket(Bucket=name)
        client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    def put(self, path: Path, key: str) -> None:
        """Puts a file there."""
        self._client.put_object(Bucket=self.name, Key=key, Body=path.read_bytes())

    def objects(self) -> dict[str, bytes]:
        """All objects by their keys; those that stand for folders are left out."""
        keys = [each["Key"] for each in self._client.list_objects_v2(Bucket=self.name).get("Contents", [])]
        get = self._client.get_object
        return {key: get(Bucket=self.name, Key=key)["Body"].read() for key in keys if key[-1] != "/"}

    def writes(self) -> dict[str, int]:
        """How often each object was ever written, those that are gone included."""
        counts: dict[str, int] = {}
        for page in self._client.get_paginator("list_object_versions").paginate(Bucket=self.name):
            for each in page.get("Versions", []):
                counts[each["Key"]] = counts.get(each["Key"], 0) + 1
        return counts


class Server:
    """The server.

    Attributes:
        url: of it.
    """

    def __init__(self, url: str) -> None:
        self.url = url

    def client(self, service: str) -> Any:
        """Of AWS's own library, with keys that may do anything."""
        keys = {"aws_access_key_id": "testing", "aws_secret_access_key": "testing"}
        return boto3.client(service, endpoint_url=self.url, region_name="us-east-1", **keys)

    def bucket(self) -> Bucket:
        """A new one."""
        return Bucket(self.client("s3"), f"bucket-{next(NUMBERS)}")

    def reader(self) -> tuple[str, str]:
        """Access key and secret key of a new user who may look at everything, and write nothing."""
        iam, name = self.client("iam"), f"reader-{next(NUMBERS)}"
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="read", PolicyDocument=READING)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]


@contextmanager
def serving() -> Iterator[Server]:
    """Serves for the time of the block."""
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        host, port = server.get_host_and_port()
        yield Server(f"http://{host}:{port}")
    finally:
        server.stop()
