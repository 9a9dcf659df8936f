"""The admission webhook: answers (`review`), the server (`server`), and the certificates that the leader keeps (`keeper`)."""
