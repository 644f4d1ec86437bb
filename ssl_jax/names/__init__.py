"""Name = location: "byol" is methods/byol.py, "my_package.my_method" a module of the user's."""
