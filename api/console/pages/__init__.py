"""The pages of the console, one file each: what it reads, what it shows, and the forms it takes."""
