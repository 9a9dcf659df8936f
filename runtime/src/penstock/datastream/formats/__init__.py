"""Formats as programs use them, one module each as PyFlink has them; made in `penstock.formats`."""
