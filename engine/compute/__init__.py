"""What kernels run on, how long they take there, and how long they must take."""
