"""What is generated from the code beside the CRDs."""
