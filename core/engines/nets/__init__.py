"""Networks that engines load. Importing one loads torch, so engines do it when they are chosen."""
