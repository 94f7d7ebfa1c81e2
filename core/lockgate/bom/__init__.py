"""Bills of materials for models, in CycloneDX 1.6: what a model is made of, by name and digest.

`card` reads what people say of the model, `facts` what its files say without being loaded, `libraries`
what its environment holds, `vouched` what signed attestations say; `compose` makes one document of it,
and `check` holds it against the schema of the standard. The document has no time and no random number
of its own: the same content gives the same bytes.
"""
