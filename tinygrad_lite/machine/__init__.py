"""What scripts ask about the machine, answered honestly.

There is one device, the CPU, and one precision, full. A question gets a true answer (`is_available`
is False), a request that changes nothing is accepted, and a request that would have to do something
that is not done here raises and says what to do instead.
"""
