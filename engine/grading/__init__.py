"""The domain in a trusted process of its own: the only place that holds the labels of `val` and `test`."""
