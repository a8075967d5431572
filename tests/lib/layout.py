#!/usr/bin/env python3
"""OCI layouts (OCI image-spec, image-layout.md) of layers that no tool needs to make.

layout.py TREE CONFIG LAYOUT: the folder TREE as an image of one layer, with the object in the file CONFIG as its config.
"""
import hashlib
import io
import json
import os
import platform
import sys
import tarfile

MACHINE = {"x86_64": "amd64", "aarch64": "arm64"}[platform.machine()]


def layout(path, *layers, machine=MACHINE, config=None, damage=False):
    os.makedirs(f"{path}/blobs/sha256")

    def blob(data):
        digest = hashlib.sha256(data).hexdigest()
        with open(f"{path}/blobs/sha256/{digest}", "wb") as f:
            f.write(data + b"x" * damage)
        return {"digest": "sha256:" + digest, "size": len(data)}

    kind = "application/vnd.oci.image."
    wanted = {"architecture": machine, "os": "linux", "config": config or {},
              "rootfs": {"type": "layers", "diff_ids": ["sha256:" + hashlib.sha256(x).hexdigest() for x in layers]}}
    manifest = {"schemaVersion": 2, "config": {"mediaType": kind + "config.v1+json", **blob(json.dumps(wanted).encode())},
                "layers": [{"mediaType": kind + "layer.v1.tar", **blob(x)} for x in layers]}
    index = {"schemaVersion": 2,
             "manifests": [{"mediaType": kind + "manifest.v1+json", **blob(json.dumps(manifest).encode())}]}
    for name, content in (("index.json", index), ("oci-layout", {"imageLayoutVersion": "1.0.0"})):
        with open(f"{path}/{name}", "w") as f:
            json.dump(content, f)


if __name__ == "__main__":
    tree, config, path = sys.argv[1:]
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w", format=tarfile.PAX_FORMAT) as tar:
        tar.add(tree, arcname=".")
    with open(config) as f:
        layout(path, layer.getvalue(), config=json.load(f))
