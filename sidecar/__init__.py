"""
An AuthZEN authorization sidecar in front of OPA.

It knows HTTP and OPA, and no clause: all that is special to an agreement is in its bundle.
"""
