"""
The billing service as it is served: `flask --app examples.billing.serve run`.

PRIVACY_URL says where the sidecar listens, BILLING_DATABASE which file holds the database.
"""

import logging
import os
import sqlite3
from functools import partial
from pathlib import Path

from examples.billing.app import create_app
from examples.billing.store import prepare

logging.basicConfig(level=logging.INFO)

_database = Path(os.environ.get("BILLING_DATABASE", "billing.sqlite"))
prepare(_database)
app = create_app(
    os.environ.get("PRIVACY_URL", "http://127.0.0.1:8080"),
    partial(sqlite3.connect, _database),
)
