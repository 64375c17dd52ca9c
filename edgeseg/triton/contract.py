"""What is sent and answered: the one contract of the repository, the model in the server, and the client.

    road                             the model that makes masks; its name is the bundle's
      frame     UINT8 (H, W, 3)      in: BGR, of any size; or in its place
      picture   UINT8 (N)            in: the bytes of a JPEG or PNG file, for example
      mask      UINT8 (H, W)         out: class ids; (L, H, W) of labels that may overlap
      mask_png  UINT8 (N)            out: the same as the bytes of a grey PNG, (L * H, W) if labels overlap
      network   UINT8 (32)           out: `identity` of what made the mask

    road-network                     the network alone: frames of its own size in, logits out

Of a bundle that takes several pictures at once, all these tensors have one more axis before theirs, as Triton has it: a
request is of one frame or more of one size, and Triton puts requests together that are there anyway. A PNG is of one
frame.

A request names the outputs that it wants, as the KServe v2 protocol has it. Every answer says which network made it, so
that a server that begins to serve another one is noticed at its first answer. Bytes are UINT8, not BYTES, which would
need lengths between them, and Python objects in the server.
"""

from __future__ import annotations

import hashlib
import json

from edgeseg.artifact import Artifact
from edgeseg.spec import Spec

FRAME = "frame"
PICTURE = "picture"
MASK = "mask"
MASK_PNG = "mask_png"
NETWORK = "network"

BUNDLE = "bundle"
"""The folder of the bundle, in the folder of a model's version."""

ENGINE = "edgeseg.engine"
PRECISION = "edgeseg.precision"
BUNDLE_SHA256 = "edgeseg.bundle_sha256"
"""Parameters of the models' configurations; the last is of bundle.json, which lists the hashes of all else."""


def is_batched(spec: Spec) -> bool:
    """Whether tensors have an axis of frames, as those of the bundle's network have."""
    return spec.batch > 1


def identity(spec: Spec, artifact: Artifact) -> bytes:
    """SHA-256 of all that decides which mask a frame gets: the spec, and the model file's content."""
    decisive = json.dumps({"spec": spec.to_json(), "artifact": artifact.sha256}, sort_keys=True)
    return hashlib.sha256(decisive.encode()).digest()


def network_name(spec: Spec) -> str:
    """Of the model that is the network alone."""
    return f"{spec.name}-network"
