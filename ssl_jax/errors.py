"""The one exception that is the user's to mend."""


class UserError(Exception):
    """Something that the user can put right; commands print it as one line and exit with 1.

    The message names the value that is wrong and the rule that it breaks, on a single line.
    """
