"""Clients that others wrote, as they are installed, against the embedded ECR.

`.ci/install-clients` installs them. The tests of one that isn't there are skipped, and pytest's summary
says so in a line of its own.
"""
