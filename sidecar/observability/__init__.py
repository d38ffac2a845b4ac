"""
What is seen of the sidecar from outside: metrics, logs and traces.
"""
