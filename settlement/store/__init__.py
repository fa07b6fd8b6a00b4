"""All SQL of the settlement: its tables, and for each noun the statements that read and write it.

In: a connection, and values. Out: rows, or values in the shapes that clients see.
Always: a function here neither opens a connection nor a transaction nor decides anything; its caller does. What
the database refuses it raises as it came.
Does not own: records, registry and audit log, which have stores of their own in `meter`; a checkpoint and an evidence
bundle read them in one statement each, because what they state must be what the tables hold.
"""
