"""What stands behind `make`: starts Lectern, waits until it is healthy, says where it is.

The story is `start.start`: choose where to run (Compose, or this machine's own processes), look
for LM Studio, check the ports, start, wait, print the table. Standard library only, and Python
3.9, so that the python3 a machine happens to have can run it; the services need 3.11 or later and
get it in `.venv/`.
"""
