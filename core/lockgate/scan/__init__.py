"""Tell, without loading anything, whether a model file can run code when somebody loads it.

A file is recognised by its content, taken apart down to its last byte, and held against lists of what
is known to be harmless; everything else is unsafe. Nothing in a file is imported, called or executed,
and nothing decides by the file's name.

    from lockgate.scan.apart import scan_files

    for said in scan_files([("model.pkl", Path("model.pkl"))]):
        print(said.member, said.answer, [hit.message for hit in said.hits])

Parts: `record` (what a scan says), `source` (bytes that are read in pieces), `content` (which format
it is, and who reads it), `formats` (one module a format), `pickles` (the pickle machine and its
judge), `lists` (what is allowed), `worker` and `apart` (the child process that does all this).
"""
