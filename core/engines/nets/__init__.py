"""Networks that engines load. Importing one of them loads torch, so nothing here is imported early."""
