"""The pictures: of one run, of trials, for the page and for print."""
