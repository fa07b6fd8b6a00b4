"""The one PostgreSQL behind everything: where it runs, how it is reached, what shape it has.

In: a data directory, or DATABASE_URL. Out: connections that may read and append.
Always: fsync on, socket and loopback only, the same SQL on PostgreSQL 15 and newer.
Does not own: any table; each store brings its own and hangs it on the one METADATA.
"""
