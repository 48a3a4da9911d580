"""For each statement one index fits, a driver's past rides have one, and API keys may expire."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
revision = '0007'
down_revision = '0006'
branch_labels = None
depends_on = None

ACTIVE = "status IN ('created', 'matched', 'started', 'in-progress')"
OPEN = "status = 'created' AND search_status IN ('searching', 'offered')"
PENDING = "status = 'pending'"
MAY_EXPIRE = "coalesce(resolved_at, 'infinity') = 'infinity'"


def upgrade() -> None:
    op.drop_index('rides_search_deadline_idx', table_name='rides')
    replace('rides_active_passenger_key', 'rides', ['passenger_id'], 'finished_at IS NULL', unique=True)
    replace('rides_passenger_idx', 'rides', ['passenger_id', 'id'], 'finished_at IS NOT NULL')
    op.create_index('rides_driver_idx', 'rides', ['driver_id', 'id'],
                    postgresql_where=sa.text('finished_at IS NOT NULL'))
    replace('offers_pending_ride_key', 'offers', ['ride_id'], 'resolved_at IS NULL', unique=True)
    replace('offers_expires_at_idx', 'offers', ['expires_at'], MAY_EXPIRE)
    replace('offers_ride_id_idx', 'offers', ['ride_id'], None)
    op.add_column('api_keys', sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True))
    op.create_index('api_keys_expires_at_idx', 'api_keys', ['expires_at'],
                    postgresql_where=sa.text('expires_at IS NOT NULL'))


def downgrade() -> None:
    op.drop_index('api_keys_expires_at_idx', table_name='api_keys')
    # Code of the release before would take keys that have expired, or will, for good ones.
    op.execute('DELETE FROM api_keys WHERE expires_at IS NOT NULL')
    op.drop_column('api_keys', 'expires_at')
    replace('offers_ride_id_idx', 'offers', ['ride_id', 'driver_id'], None)
    replace('offers_expires_at_idx', 'offers', ['expires_at'], PENDING)
    replace('offers_pending_ride_key', 'offers', ['ride_id'], PENDING, unique=True)
    op.drop_index('rides_driver_idx', table_name='rides')
    replace('rides_passenger_idx', 'rides', ['passenger_id', 'id'], None)
    replace('rides_active_passenger_key', 'rides', ['passenger_id'], ACTIVE, unique=True)
    op.create_index('rides_search_deadline_idx', 'rides', ['search_deadline'], postgresql_where=sa.text(OPEN))


def replace(name: str, table: str, columns: list[str], where: str | None, *, unique: bool = False) -> None:
    op.drop_index(name, table_name=table)
    op.create_index(name, table, columns, unique=unique,
                    postgresql_where=None if where is None else sa.text(where))
