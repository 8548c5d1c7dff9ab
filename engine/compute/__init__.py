"""What kernels run on, and how long they take there."""
