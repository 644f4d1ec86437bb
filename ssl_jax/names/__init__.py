"""A name is a location: "byol" is methods/byol.py, "my_package.my_method" a user's module."""
