"""The HTML report of runs: `collect` gathers what a page shows, `render` turns it into HTML."""
