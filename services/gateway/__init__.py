"""Lectern's gateway: the keyed, OpenAI-compatible front door to the model server.

The story of a request, told by `relay.Relay.__call__`: the key is checked against a table in
memory, the body is read within a limit, the same bytes go to the model server, the first piece of
its answer decides the status, the rest is passed on as it comes, a caller who leaves closes the
model server's end at once, and one log line is written whatever happened.

It imports no sibling service: the OpenAI wire format is the contract.
"""
