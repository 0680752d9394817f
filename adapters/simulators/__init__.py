"""The sandbox: pretend Dukcapil, SMS carriers and mail server in one process; never in production.

Everything is kept in memory. `adapters.simulators.app` answers HTTP, `adapters.simulators.server`
runs it with the SMTP server beside it, `python -m adapters.simulators` is the process.
"""
