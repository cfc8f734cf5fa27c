/**
 * The engine's tables, to be run as a migration before an engine starts; may run again without harm. They stand in
 * the schema of the domain's own tables, because a task, its locks and the domain's rows are written together.
 */
export const TASK_TABLES_SQL = `
create sequence if not exists task_id_seq;

create table if not exists task_tasks (
  id                  bigint primary key,
  type                text not null,
  title               text not null,
  state               text not null check (state in
    ('waiting', 'running', 'unwinding', 'cancelling', 'succeeded', 'failed', 'cancelled', 'stuck')),
  entity_urn          text not null,
  entity_name         text not null,
  user_name           text not null,
  attributes          jsonb not null,
  input               jsonb not null,
  is_cancellable      boolean not null,
  -- The point of no return has been passed.
  no_return           boolean not null,
  progress            integer not null default 0 check (progress between 0 and 100),
  current_step        text not null default '',
  message             text not null default '',
  -- Why it failed or was cancelled: kind, code, message, params.
  reason              jsonb,
  -- Where a stuck task goes on when it is told to, and what stopped it.
  stuck_in            text,
  stuck_reason        jsonb,
  cancelled_by        text,
  cancel_requested_at timestamptz,
  created_at          timestamptz not null,
  started_at          timestamptz,
  finished_at         timestamptz,
  -- Number of the engine's term of leadership that works on it; see leadership.ts.
  epoch               bigint
);
create index if not exists task_tasks_open on task_tasks (id) where finished_at is null;
create index if not exists task_tasks_entity on task_tasks (entity_urn, id);
create index if not exists task_tasks_finished on task_tasks (finished_at) where finished_at is not null;

create table if not exists task_steps (
  task_id       bigint not null references task_tasks (id) on delete cascade,
  position      integer not null,
  name          text not null,
  state         text not null default 'pending' check (state in
    ('pending', 'running', 'done', 'failed', 'undoing', 'undone')),
  attempts      integer not null default 0,
  undo_attempts integer not null default 0,
  started_at    timestamptz,
  finished_at   timestamptz,
  output        jsonb,
  message       text not null default '',
  log           jsonb not null default '[]',
  error         jsonb,
  primary key (task_id, position)
);

create table if not exists task_locks (
  urn     text primary key,
  -- No reference: a submission that does not get all its locks writes no task, and takes these back.
  task_id bigint not null
);
create index if not exists task_locks_task on task_locks (task_id);

create table if not exists task_secrets (
  task_id bigint primary key references task_tasks (id) on delete cascade,
  sealed  text not null
);

create table if not exists task_engine (
  singleton boolean primary key default true check (singleton),
  epoch     bigint not null default 0
);
insert into task_engine default values on conflict do nothing;
`;
