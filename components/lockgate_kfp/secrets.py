r"""Give a step of a pipeline its key, policy, evidence store and ledger.

    checked = detect_poisoning(train=batch, label="employed")
    lockgate_kfp.use_settings(checked, evidence="s3://team/evidence", ledger_secret="lockgate-ledger")

A compiled pipeline is shown to whoever may see the run, so no secret is in it: only the names of
Kubernetes secrets, which Kubernetes opens in the step. They are made once, in the pipeline's namespace:

    kubectl create secret generic lockgate-signer --from-file=signer.key.pem \
        --from-file=passphrase=PASSPHRASE_FILE
    kubectl create secret generic lockgate-ledger --from-file=url=URL_FILE
"""

from typing import Any

MOUNT = "/etc/lockgate"
"""Where the secret with the key is in the step."""
KEY_FILE = "signer.key.pem"
"""Entry of the secret with the private key, encrypted."""
PASSPHRASE = "passphrase"
"""Entry of the same secret with the key's passphrase."""
LEDGER_URL = "url"
"""Entry of the other secret with the URL of the ledger, password and all."""


def use_settings(
    task: Any,
    *,
    key_secret: str | None = "lockgate-signer",
    policy: str | None = None,
    policy_key: str | None = None,
    evidence: str | None = None,
    ledger: str | None = None,
    ledger_secret: str | None = None,
    trust_state: str | None = None,
) -> Any:
    """Say where a step finds its settings (`lockgate.settings`), and return the step.

    Call it once for each step that is to sign, to leave evidence, or to read it.

    Args:
        task: The step: what calling a component returned.
        key_secret: Name of the Kubernetes secret with the entries ``signer.key.pem`` and
            ``passphrase``; None signs nothing. Kubernetes mounts a secret so that every user of the
            container can read it, and Lockgate refuses such a key unless it is encrypted.
        policy: Path or URL of ``lockgate.yaml``; the component's input `policy` outweighs it.
        policy_key: Paths of the public keys of who may sign the policy, commas between. Further
            entries of `key_secret` are found below ``/etc/lockgate``.
        evidence: URL of the evidence store.
        ledger: Path or URL of the ledger, when no password is in it.
        ledger_secret: Name of the Kubernetes secret whose entry ``url`` is the URL of the ledger.
        trust_state: Path of what a release gate remembers, on a volume that outlives the step.

    Raises:
        InputError: A URL holds a password or a token, which the compiled pipeline would show, or the
            ledger is given twice.
        MissingExtraError: kfp-kubernetes is not installed.
    """
    from lockgate.errors import InputError, MissingExtraError
    from lockgate.settings import PREFIX, secrets_in

    try:
        from kfp import kubernetes
    except ImportError:
        raise MissingExtraError("kfp", "kfp-kubernetes") from None
    if ledger and ledger_secret:
        raise InputError("the ledger is given twice; give ledger or ledger_secret")
    plain = {
        "policy": policy,
        "policy_key": policy_key,
        "evidence": evidence,
        "ledger": ledger,
        "trust_state": trust_state,
    }
    for name, value in plain.items():
        if value and secrets_in(value):
            raise InputError(
                f"{name} has a password or token in it, which the compiled pipeline would show; "
                + (
                    "put the URL into a Kubernetes secret and name it as ledger_secret"
                    if name == "ledger"
                    else f"set {PREFIX}{name.upper()} with kubernetes.use_secret_as_env instead"
                )
            )
    if key_secret:
        kubernetes.use_secret_as_volume(task, secret_name=key_secret, mount_path=MOUNT)
        kubernetes.use_secret_as_env(task, key_secret, {PASSPHRASE: f"{PREFIX}KEY_PASSPHRASE"})
        task.set_env_variable(f"{PREFIX}KEY", f"{MOUNT}/{KEY_FILE}")
    if ledger_secret:
        kubernetes.use_secret_as_env(task, ledger_secret, {LEDGER_URL: f"{PREFIX}LEDGER"})
    for name, value in plain.items():
        if value:
            task.set_env_variable(PREFIX + name.upper(), value)
    return task
