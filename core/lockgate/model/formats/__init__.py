"""One module a format: each opens a file of a known family and gives its `lockgate.model.adapter.Adapter`.

A module imports its library when it opens something, and none of them judges what the file may do: that is
done before, in `lockgate.model.load`.
"""
