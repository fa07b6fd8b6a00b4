"""What an administrator does in the console: people and keys made, changed and shut out, each on record under his name.

In: an engine whose connections show the administrator's session. Out: secrets that are shown once.
Always: the database asks for a live session of an administrator with password and code shown just now, and refuses.
Does not own: what a person or a key may be (api/auth/people.py and api/auth/keys.py say so).
"""
