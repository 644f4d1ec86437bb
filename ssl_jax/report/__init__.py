"""What a run leaves behind and what one sees while it goes on."""
