"""Values that pass between the operator's steps: facts in, plan out. Pure; imports the contract only."""
