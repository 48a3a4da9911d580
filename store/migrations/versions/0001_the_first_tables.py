"""The first tables."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql
revision = '0001'
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('api_keys',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('key_hash', postgresql.BYTEA(), nullable=False),
    sa.Column('tier', sa.TEXT(), nullable=False),
    sa.Column('is_admin', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('api_keys_pkey')),
    sa.UniqueConstraint('key_hash', name=op.f('api_keys_key_hash_key'))
    )
    op.create_index(op.f('api_keys_owner_idx'), 'api_keys', ['owner'], unique=False)
    op.create_table('jobs',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('kind', sa.TEXT(), nullable=False),
    sa.Column('queue', sa.TEXT(), nullable=False),
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('state', sa.TEXT(), nullable=False),
    sa.Column('priority', sa.SmallInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('result', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('error', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('progress', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('attempt', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('crashes', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('max_attempts', sa.Integer(), nullable=False),
    sa.Column('run_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('deadline', sa.DateTime(timezone=True), nullable=True),
    sa.Column('epoch', sa.BigInteger(), server_default=sa.text('0'), nullable=False),
    sa.Column('version', sa.BigInteger(), server_default=sa.text('1'), nullable=False),
    sa.Column('worker', sa.UUID(), nullable=True),
    sa.Column('lease_until', sa.DateTime(timezone=True), nullable=True),
    sa.Column('dispatched_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('dispatches', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('parent_id', sa.UUID(), nullable=True),
    sa.Column('children_total', sa.Integer(), nullable=True),
    sa.Column('pending_children', sa.Integer(), nullable=True),
    sa.Column('schedule_name', sa.TEXT(), nullable=True),
    sa.Column('fire_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('request_id', sa.TEXT(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.CheckConstraint("(finished_at IS NOT NULL) = (state IN ('succeeded', 'failed', 'cancelled', 'expired'))", name=op.f('jobs_finished_check')),
    sa.CheckConstraint("(lease_until IS NOT NULL) = (state = 'running' AND pending_children IS NULL)", name=op.f('jobs_lease_check')),
    sa.CheckConstraint("state IN ('queued', 'dispatched', 'running', 'succeeded', 'failed', 'cancelled', 'expired')", name=op.f('jobs_state_check')),
    sa.CheckConstraint('pending_children BETWEEN 0 AND children_total', name=op.f('jobs_children_check')),
    sa.ForeignKeyConstraint(['parent_id'], ['jobs.id'], name=op.f('jobs_parent_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('jobs_pkey'))
    )
    op.create_index('jobs_dead_letters_idx', 'jobs', ['id'], unique=False, postgresql_where=sa.text("state = 'failed'"))
    op.create_index('jobs_deadline_idx', 'jobs', ['deadline'], unique=False, postgresql_where=sa.text("deadline IS NOT NULL AND state IN ('queued', 'dispatched')"))
    op.create_index('jobs_finished_idx', 'jobs', ['kind', 'finished_at'], unique=False, postgresql_where=sa.text('finished_at IS NOT NULL'))
    op.create_index('jobs_fire_at_key', 'jobs', ['schedule_name', 'fire_at'], unique=True, postgresql_where=sa.text('schedule_name IS NOT NULL'))
    op.create_index('jobs_in_flight_idx', 'jobs', ['queue', 'owner'], unique=False, postgresql_where=sa.text("state IN ('dispatched', 'running') AND pending_children IS NULL"))
    op.create_index('jobs_owner_idx', 'jobs', ['owner', 'id'], unique=False)
    op.create_index('jobs_parent_idx', 'jobs', ['parent_id', 'id'], unique=False, postgresql_where=sa.text('parent_id IS NOT NULL'))
    op.create_index('jobs_queued_idx', 'jobs', ['queue', 'priority', 'owner', 'run_at', 'id'], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.create_index('jobs_run_at_idx', 'jobs', ['run_at'], unique=False, postgresql_where=sa.text("state = 'queued'"))
    op.create_table('queues',
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('is_paused', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('changed_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('queues_pkey'))
    )
    op.create_table('schedules',
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('kind', sa.TEXT(), nullable=False),
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('payload', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('every', sa.Interval(), nullable=False),
    sa.Column('next_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('catchup', sa.TEXT(), server_default=sa.text("'latest'"), nullable=False),
    sa.Column('is_enabled', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.CheckConstraint("catchup IN ('all', 'latest')", name=op.f('schedules_catchup_check')),
    sa.CheckConstraint("every >= interval '1 second'", name=op.f('schedules_every_check')),
    sa.PrimaryKeyConstraint('name', name=op.f('schedules_pkey'))
    )
    op.create_table('workers',
    sa.Column('id', sa.UUID(), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('queues', postgresql.ARRAY(sa.TEXT()), nullable=False),
    sa.Column('slots', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('seen_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('workers_pkey'))
    )
    op.create_table('idempotency_keys',
    sa.Column('owner', sa.TEXT(), nullable=False),
    sa.Column('key', sa.TEXT(), nullable=False),
    sa.Column('fingerprint', postgresql.BYTEA(), nullable=False),
    sa.Column('job_id', sa.UUID(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('idempotency_keys_job_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('owner', 'key', name=op.f('idempotency_keys_pkey'))
    )
    op.create_index(op.f('idempotency_keys_job_id_idx'), 'idempotency_keys', ['job_id'], unique=False)
    op.create_table('job_events',
    sa.Column('id', sa.BigInteger(), autoincrement=True, nullable=False),
    sa.Column('job_id', sa.UUID(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('clock_timestamp()'), nullable=False),
    sa.Column('name', sa.TEXT(), nullable=False),
    sa.Column('state', sa.TEXT(), nullable=False),
    sa.Column('attempt', sa.Integer(), nullable=False),
    sa.Column('detail', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.ForeignKeyConstraint(['job_id'], ['jobs.id'], name=op.f('job_events_job_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('job_events_pkey'))
    )
    op.create_index('job_events_job_id_id_idx', 'job_events', ['job_id', 'id'], unique=False)


def downgrade() -> None:
    op.drop_index('job_events_job_id_id_idx', table_name='job_events')
    op.drop_table('job_events')
    op.drop_index(op.f('idempotency_keys_job_id_idx'), table_name='idempotency_keys')
    op.drop_table('idempotency_keys')
    op.drop_table('workers')
    op.drop_table('schedules')
    op.drop_table('queues')
    op.drop_index('jobs_run_at_idx', table_name='jobs', postgresql_where=sa.text("state = 'queued'"))
    op.drop_index('jobs_queued_idx', table_name='jobs', postgresql_where=sa.text("state = 'queued'"))
    op.drop_index('jobs_parent_idx', table_name='jobs', postgresql_where=sa.text('parent_id IS NOT NULL'))
    op.drop_index('jobs_owner_idx', table_name='jobs')
    op.drop_index('jobs_in_flight_idx', table_name='jobs', postgresql_where=sa.text("state IN ('dispatched', 'running') AND pending_children IS NULL"))
    op.drop_index('jobs_fire_at_key', table_name='jobs', postgresql_where=sa.text('schedule_name IS NOT NULL'))
    op.drop_index('jobs_finished_idx', table_name='jobs', postgresql_where=sa.text('finished_at IS NOT NULL'))
    op.drop_index('jobs_deadline_idx', table_name='jobs', postgresql_where=sa.text("deadline IS NOT NULL AND state IN ('queued', 'dispatched')"))
    op.drop_index('jobs_dead_letters_idx', table_name='jobs', postgresql_where=sa.text("state = 'failed'"))
    op.drop_table('jobs')
    op.drop_index(op.f('api_keys_owner_idx'), table_name='api_keys')
    op.drop_table('api_keys')
