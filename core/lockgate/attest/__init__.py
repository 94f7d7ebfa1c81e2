"""Evidence: statements about a run, and the signed envelopes that carry them.

    sealed = envelope.seal(statement.from_result(document), keys.load_signer("signer.key.pem", passphrase))
    opened = envelope.open_envelope(sealed, [keys.load_public(Path("signer.pub.pem"))])
    opened.statement.verdict

`keys` makes and reads key files, `statement` writes and reads in-toto statements, `envelope` signs
and verifies them. The formats, and why these, are in ``core/doc/adr/0003-evidence-format.md``.
"""
