"""What `headwater` does for each of its words; api.cli says how they are spelt."""
