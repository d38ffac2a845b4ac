"""
A mutating admission webhook for Kubernetes: it adds the sidecar to pods, and refuses none.
"""
