"""What kernels are made of: the decorator that compiles them, words and lanes of registers, digests of many texts."""
