"""The slot side: the supervisor of slot processes, and inside a slot the tasks, their chains and their mailbox."""
