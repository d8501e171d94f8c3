"""What a notebook needs beside the library: set-up, sign-in, pictures."""
