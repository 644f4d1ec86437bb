"""What an option may be: stated in the signature that defines it, judged in one place."""
