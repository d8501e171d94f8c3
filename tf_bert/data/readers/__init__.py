"""Files of rows in any format, with the place of each row."""
