"""What each kind of job does, and the processes in which jobs run.

In: a job that a worker has leased. Out: its result, its effect, its output.
Always: it acts on behalf of whoever asked, with his rights and in his city.
Not owned: the queue (api/queue), and what is computed (settlement/jobs).
"""
