"""Heavy work as jobs in the database: asked for here, done by processes that receive no usage.

In: who asks, the kind of work and its parameters. Out: the job as it stands, and its output in pieces.
Always: what a job does and that it is done are one transaction; a worker that was overtaken changes nothing.
Not owned: what the kinds of jobs do (api/jobs), and which process runs a worker (api/jobs/process.py).
"""
