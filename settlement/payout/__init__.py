"""Paid: handing each award to the automatic entitlement job (免申即享) exactly once.

In: a locked settlement's instructions. Out: leases to workers, and what the bank said.
Always: one instruction a line and settlement, ever; its reference is stable and unique at the bank; a lease has a fence
that rises, so who held an older one is refused; what may have been sent is asked about, never sent again blindly; what
went out as a file waits for its answer; what the bank says is kept with the issue it is about, and what contradicts us
makes a dispute that two people end.
Does not own: the amount (the database refuses any but the locked line's), the bank.
"""
