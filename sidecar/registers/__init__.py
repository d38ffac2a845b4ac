"""
Registers: what is known of recipients, evidence and people, whatever a caller says (contract,
section 1).
"""
