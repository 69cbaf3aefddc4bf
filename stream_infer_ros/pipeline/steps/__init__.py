"""The steps of the data path. They know nothing of threads and queues."""
