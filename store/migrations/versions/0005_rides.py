"""Drivers, rides, offers, and the ticks that match them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('drivers',
    sa.Column('id', sa.TEXT(), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('vehicle', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('product', sa.TEXT(), nullable=False),
    sa.Column('city', sa.TEXT(), nullable=False),
    sa.Column('status', sa.TEXT(), server_default=sa.text("'unavailable'"), nullable=False),
    sa.Column('status_since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('idle_since', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("status IN ('available', 'unavailable')", name=op.f('drivers_status_check')),
    sa.PrimaryKeyConstraint('id', name=op.f('drivers_pkey'))
    )
    op.create_index('drivers_available_idx', 'drivers', ['city', 'id'], unique=False, postgresql_where=sa.text("status = 'available'"))
    op.create_table('ride_ticks',
    sa.Column('city', sa.TEXT(), nullable=False),
    sa.Column('lease_id', sa.UUID(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('ticked_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('job_id', sa.UUID(), nullable=True),
    sa.CheckConstraint('(lease_id IS NULL) = (lease_until IS NULL)', name=op.f('ride_ticks_lease_check')),
    sa.PrimaryKeyConstraint('city', name=op.f('ride_ticks_pkey'))
    )
    op.create_table('rides',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('passenger_id', sa.TEXT(), nullable=False),
    sa.Column('driver_id', sa.TEXT(), nullable=True),
    sa.Column('city', sa.TEXT(), nullable=False),
    sa.Column('product', sa.TEXT(), nullable=False),
    sa.Column('status', sa.TEXT(), server_default=sa.text("'created'"), nullable=False),
    sa.Column('search_status', sa.TEXT(), server_default=sa.text("'idle'"), nullable=False),
    sa.Column('search_id', sa.UUID(), nullable=True),
    sa.Column('search_started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('search_deadline', sa.DateTime(timezone=True), nullable=True),
    sa.Column('excluded_drivers', postgresql.ARRAY(sa.TEXT()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('pickup_latitude', sa.Double(), nullable=False),
    sa.Column('pickup_longitude', sa.Double(), nullable=False),
    sa.Column('destination_latitude', sa.Double(), nullable=False),
    sa.Column('destination_longitude', sa.Double(), nullable=False),
    sa.Column('distance_m', sa.Integer(), nullable=False),
    sa.Column('duration_s', sa.Integer(), nullable=False),
    sa.Column('price_low', sa.Integer(), nullable=False),
    sa.Column('price_high', sa.Integer(), nullable=False),
    sa.Column('currency', sa.TEXT(), nullable=False),
    sa.Column('surge', sa.Numeric(precision=3, scale=2), nullable=False),
    sa.Column('distance_travelled_m', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('gaps', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('last_fix', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('cancelled_by', sa.TEXT(), nullable=True),
    sa.Column('status_detail', sa.TEXT(), nullable=True),
    sa.Column('version', sa.Integer(), server_default=sa.text('1'), nullable=False),
    sa.Column('idempotency_key', sa.TEXT(), nullable=True),
    sa.Column('fingerprint', postgresql.BYTEA(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('matched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('arrived_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.CheckConstraint("(status = 'cancelled') = (cancelled_by IS NOT NULL)", name=op.f('rides_cancelled_check')),
    sa.CheckConstraint("(status IN ('finished', 'cancelled')) = (finished_at IS NOT NULL)", name=op.f('rides_finished_check')),
    sa.CheckConstraint("NOT (status IN ('matched', 'started', 'in-progress') OR status = 'finished') OR driver_id IS NOT NULL", name=op.f('rides_driver_check')),
    sa.CheckConstraint("cancelled_by IN ('passenger', 'driver', 'system')", name=op.f('rides_cancelled_by_check')),
    sa.CheckConstraint("search_status IN ('idle', 'searching', 'offered', 'matched', 'no_drivers_available')", name=op.f('rides_search_status_check')),
    sa.CheckConstraint("search_status NOT IN ('searching', 'offered') OR (status = 'created' AND search_id IS NOT NULL AND search_deadline IS NOT NULL)", name=op.f('rides_search_check')),
    sa.CheckConstraint("status <> 'created' OR driver_id IS NULL", name=op.f('rides_no_driver_check')),
    sa.CheckConstraint("status IN ('created', 'matched', 'started', 'in-progress', 'finished', 'cancelled')", name=op.f('rides_status_check')),
    sa.CheckConstraint('price_low <= price_high', name=op.f('rides_price_check')),
    sa.ForeignKeyConstraint(['driver_id'], ['drivers.id'], name=op.f('rides_driver_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('rides_pkey'))
    )
    op.create_index('rides_active_driver_key', 'rides', ['driver_id'], unique=True, postgresql_where=sa.text("status IN ('matched', 'started', 'in-progress')"))
    op.create_index('rides_active_passenger_key', 'rides', ['passenger_id'], unique=True, postgresql_where=sa.text("status IN ('created', 'matched', 'started', 'in-progress')"))
    op.create_index('rides_idempotency_key', 'rides', ['passenger_id', 'idempotency_key'], unique=True, postgresql_where=sa.text('idempotency_key IS NOT NULL'))
    op.create_index('rides_open_idx', 'rides', ['city', 'id'], unique=False, postgresql_where=sa.text("status = 'created' AND search_status IN ('searching', 'offered')"))
    op.create_index('rides_passenger_idx', 'rides', ['passenger_id', 'id'], unique=False)
    op.create_index('rides_search_deadline_idx', 'rides', ['search_deadline'], unique=False, postgresql_where=sa.text("status = 'created' AND search_status IN ('searching', 'offered')"))
    op.create_table('offers',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('ride_id', sa.UUID(), nullable=False),
    sa.Column('driver_id', sa.TEXT(), nullable=False),
    sa.Column('search_id', sa.UUID(), nullable=False),
    sa.Column('status', sa.TEXT(), server_default=sa.text("'pending'"), nullable=False),
    sa.Column('pickup_eta_s', sa.Integer(), nullable=False),
    sa.Column('eta_source', sa.TEXT(), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('resolved_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(status = 'pending') = (resolved_at IS NULL)", name=op.f('offers_resolved_check')),
    sa.CheckConstraint("status IN ('pending', 'accepted', 'declined', 'expired', 'withdrawn')", name=op.f('offers_status_check')),
    sa.ForeignKeyConstraint(['driver_id'], ['drivers.id'], name=op.f('offers_driver_id_fkey')),
    sa.ForeignKeyConstraint(['ride_id'], ['rides.id'], name=op.f('offers_ride_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('offers_pkey'))
    )
    op.create_index('offers_expires_at_idx', 'offers', ['expires_at'], unique=False, postgresql_where=sa.text("status = 'pending'"))
    op.create_index('offers_pending_driver_key', 'offers', ['driver_id'], unique=True, postgresql_where=sa.text("status = 'pending'"))
    op.create_index('offers_pending_ride_key', 'offers', ['ride_id'], unique=True, postgresql_where=sa.text("status = 'pending'"))
    op.create_index('offers_ride_id_idx', 'offers', ['ride_id', 'driver_id'], unique=False)
    op.create_table('ride_events',
    sa.Column('id', sa.BigInteger(), autoincrement=True, nullable=False),
    sa.Column('ride_id', sa.UUID(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('actor', sa.TEXT(), nullable=False),
    sa.Column('status', sa.TEXT(), nullable=False),
    sa.Column('search_status', sa.TEXT(), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.ForeignKeyConstraint(['ride_id'], ['rides.id'], name=op.f('ride_events_ride_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('ride_events_pkey'))
    )
    op.create_index('ride_events_version_key', 'ride_events', ['ride_id', 'version'], unique=True)
    op.create_table('ride_fixes',
    sa.Column('ride_id', sa.UUID(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('latitude', sa.Double(), nullable=False),
    sa.Column('longitude', sa.Double(), nullable=False),
    sa.Column('accuracy_m', sa.Double(), nullable=False),
    sa.ForeignKeyConstraint(['ride_id'], ['rides.id'], name=op.f('ride_fixes_ride_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('ride_id', 'at', name=op.f('ride_fixes_pkey'))
    )


def downgrade() -> None:
    op.drop_table('ride_fixes')
    op.drop_index('ride_events_version_key', table_name='ride_events')
    op.drop_table('ride_events')
    op.drop_index('offers_ride_id_idx', table_name='offers')
    op.drop_index('offers_pending_ride_key', table_name='offers', postgresql_where=sa.text("status = 'pending'"))
    op.drop_index('offers_pending_driver_key', table_name='offers', postgresql_where=sa.text("status = 'pending'"))
    op.drop_index('offers_expires_at_idx', table_name='offers', postgresql_where=sa.text("status = 'pending'"))
    op.drop_table('offers')
    op.drop_index('rides_search_deadline_idx', table_name='rides', postgresql_where=sa.text("status = 'created' AND search_status IN ('searching', 'offered')"))
    op.drop_index('rides_passenger_idx', table_name='rides')
    op.drop_index('rides_open_idx', table_name='rides', postgresql_where=sa.text("status = 'created' AND search_status IN ('searching', 'offered')"))
    op.drop_index('rides_idempotency_key', table_name='rides', postgresql_where=sa.text('idempotency_key IS NOT NULL'))
    op.drop_index('rides_active_passenger_key', table_name='rides', postgresql_where=sa.text("status IN ('created', 'matched', 'started', 'in-progress')"))
    op.drop_index('rides_active_driver_key', table_name='rides', postgresql_where=sa.text("status IN ('matched', 'started', 'in-progress')"))
    op.drop_table('rides')
    op.drop_table('ride_ticks')
    op.drop_index('drivers_available_idx', table_name='drivers', postgresql_where=sa.text("status = 'available'"))
    op.drop_table('drivers')
