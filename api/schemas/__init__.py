"""What goes over the API as types: bodies, which are checked by them, and answers, which are described by them.

In: nothing. Out: pydantic models, one noun a file, whose names are the components of `/openapi.json`.
Always: strict; a body's unknown fields are refused, nothing is coerced; each field brings an example of its own.
Does not own: how a record of usage or an item of the registry is read (intake and registry do, record by record).
"""
