"""Adapters behind the ports of `lineage.ports`; only `api.wiring` imports them."""
