"""What a flow costs, ours beside the peers' (`python -m bench`, `make bench`).

The figure is CPU, user and system, of server and store processes for one flow: rates on shared
machines lie. `harness` runs the rounds, `peers` start the servers, `load` drives them from a
process of its own, `report` prints the tables and writes `bench/README.md`.
"""
