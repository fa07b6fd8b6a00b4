"""What Alembic runs: the migrations, on the connection that the caller opened."""

from alembic import context
from sqlalchemy import Connection

import migrations.shape

connection: Connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=migrations.shape.METADATA, transaction_per_migration=True)
with context.begin_transaction():
    context.run_migrations()
