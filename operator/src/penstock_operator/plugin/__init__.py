"""`kubectl penstock`: a plugin for people. It reads what the operator reports, and writes one thing: an earlier spec."""
