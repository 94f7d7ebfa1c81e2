"""Keys: ECDSA on the curve P-256 (FIPS 186-5), in PEM files or in a key service, named by a URI.

    signer = keys.load_signer("signer.key.pem", passphrase)                     # a PEM file
    signer = keys.load_signer("awskms:alias/release#release.pub.pem", None)     # a key that never leaves AWS
    trusted = keys.load_publics("ana.pub.pem,pipeline.pub.pem")

| URI of a private key | where it lies | extra | PIN or passphrase |
|---|---|---|---|
| ``PATH``, ``file:PATH``, ``file2:PATH`` | PEM file | | passphrase, if encrypted |
| ``hsm:[NUMBER][?label=TOKEN]#FILE`` | PKCS#11 token; ``PYKCS11LIB`` is its library | ``hsm`` | PIN |
| ``awskms:ID#FILE`` | AWS KMS: key id, alias or ARN | ``awskms`` | |
| ``gcpkms:projects/.../cryptoKeyVersions/N#FILE`` | Google Cloud KMS | ``gcpkms`` | |
| ``azurekms://VAULT.vault.azure.net/keys/NAME/VERSION#FILE`` | Azure Key Vault | ``azurekms`` | |
| ``hv:NAME/VERSION#FILE`` | HashiCorp Vault's transit engine | ``vault`` | |

The part before ``#`` is securesystemslib's own URI. ``FILE`` is the key's public half, which
`lockgate public-key URI` exports: a key service is then asked for signatures and nothing else, and
every signature is checked against that file before it is used. Credentials of a service are taken
from where its own library looks for them, never from the URI.

A key's id is derived from the key itself (securesystemslib: SHA-256 of the canonical JSON of type,
scheme and public key), never read from a file, so one key cannot appear under two names.

`pem` makes and reads key files, `uri` tells what a URI names, `services` signs with keys elsewhere.
"""

from lockgate.attest.keys.pem import (
    PRIVATE,
    PUBLIC,
    KeyPair,
    generate,
    load_public,
    load_publics,
    material,
    parse_public,
    trusted,
)
from lockgate.attest.keys.uri import load_signer, local_path, public_pem

__all__ = [
    "PRIVATE",
    "PUBLIC",
    "KeyPair",
    "generate",
    "load_public",
    "load_publics",
    "load_signer",
    "local_path",
    "material",
    "parse_public",
    "public_pem",
    "trusted",
]
