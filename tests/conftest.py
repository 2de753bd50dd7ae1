"""One thread: what the tests compute is too small to share, and waiting threads cost seconds."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
