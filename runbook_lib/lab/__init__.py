"""Two simulated nodes on loopback, with their domain, disks, cluster and Exchange Setup.

Imports topology (names and addresses) and errors, psrpcore and pyspnego; never commands, for a
shared builder would hide a shared mistake. Nobody imports it but cli and tests.
"""
