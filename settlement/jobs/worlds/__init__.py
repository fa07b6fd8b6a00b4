"""Worlds: cases as files, run through the same intake, journal, rollup and settlement as the service.

In: a file of worlds (docs/contract.md, section 6). Out: what each settles to, and where that is not what it expects.
Always: a record of a world is what a client would send; what the service would refuse refuses the world.
Does not own: a rule; a world that is wrong is found by running it, never mended.
"""
