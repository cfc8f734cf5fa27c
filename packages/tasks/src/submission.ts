import type { ClientBase } from "pg";
import type { AnyTask } from "./definition.ts";
import { taskErrors } from "./errors.ts";
import { toStoredJson, toStoredText } from "./stored-json.ts";

/** Channel on which engines hear of new tasks and of cancellations. */
export const CHANNEL = "sinter_tasks";

/** Anything that runs a statement in the caller's transaction. */
export type Executor = Pick<ClientBase, "query">;

export interface Order<Input, Secret> {
  readonly input: Input;
  /** What the task is about, as it is listed. */
  readonly entity: { readonly urn: string; readonly name: string };
  /** Who asked; empty for the system itself. */
  readonly user: string;
  /** Objects that no other task may touch meanwhile. */
  readonly locks: readonly string[];
  /** A line for people; default the type. */
  readonly title?: string;
  /** Whatever the views shall carry along, such as who started it by which rule. Not secret. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** Kept apart from the input and erased when the task ends. */
  readonly secret?: Secret;
}

/** Keeps secrets unreadable in the database and its backups while a task needs them. */
export interface Sealer {
  seal(plain: string): string;
  open(sealed: string): string;
}

export interface SubmissionOptions {
  readonly idSequence: string;
  readonly sealer: Sealer | undefined;
  readonly now: number;
}

const NAME_LENGTH_MAX = 1_000;
const ROUNDS = 3;

/**
 * One statement, so that a caller who catches the failure and commits all the same has written nothing. The locks are
 * inserted in sorted order; a row that another transaction has not yet committed is waited for.
 */
const SUBMIT = `
with identity as materialized (select nextval($1::text::regclass) as id),
locked as (
  insert into task_locks (urn, task_id)
  select wanted.urn, identity.id from identity, unnest($2::text[]) as wanted (urn) order by wanted.urn collate "C"
  on conflict (urn) do nothing
  returning urn
),
created as (
  insert into task_tasks (id, type, title, state, entity_urn, entity_name, user_name, attributes, input,
    is_cancellable, no_return, created_at)
  select identity.id, $3, $4, 'waiting', $5, $6, $7, $8, $9, $10, $11, $12 from identity
  where (select count(*) from locked) = cardinality($2::text[])
  returning id
),
planned as (
  insert into task_steps (task_id, position, name)
  select created.id, step.number - 1, step.name
  from created, unnest($13::text[]) with ordinality as step (name, number)
),
kept as (
  insert into task_secrets (task_id, sealed) select created.id, $14::text from created where $14::text is not null
)
select identity.id, created.id is not null as is_created,
  case when created.id is not null then pg_notify('${CHANNEL}', 'submitted') end
from identity left join created on true`;

/**
 * Writes a task, its steps and its locks in the caller's transaction and gives its id. Throws `conflict` OBJECT_BUSY
 * naming the object and the task that holds it; the transaction stays usable.
 */
export async function insertTask<Input, Secret>(
  tx: Executor,
  definition: AnyTask,
  order: Order<Input, Secret>,
  options: SubmissionOptions,
): Promise<number> {
  const locks = [...new Set(order.locks)].toSorted();
  for (let round = 1; ; round++) {
    const { rows } = await tx.query<{ id: string; is_created: boolean }>({
      name: "task-submit",
      text: SUBMIT,
      values: [options.idSequence, locks, ...columns(definition, order, options)],
    });
    const id = Number(rows[0]?.id);
    if (rows[0]?.is_created === true) return id;
    await tx.query("delete from task_locks where task_id = $1", [id]);
    const holder = await findHolder(tx, locks);
    // The task that was in the way has just ended.
    if (holder === undefined && round < ROUNDS) continue;
    throw taskErrors.objectBusy(holder?.urn ?? locks[0] ?? "", holder?.taskId);
  }
}

function columns<Input, Secret>(
  definition: AnyTask,
  order: Order<Input, Secret>,
  { sealer, now }: SubmissionOptions,
): unknown[] {
  const secret = order.secret === undefined ? null : toStoredJson(order.secret);
  return [
    definition.type,
    toStoredText(order.title ?? definition.type, NAME_LENGTH_MAX),
    order.entity.urn,
    toStoredText(order.entity.name, NAME_LENGTH_MAX),
    toStoredText(order.user, NAME_LENGTH_MAX),
    toStoredJson(order.attributes ?? {}),
    toStoredJson(order.input),
    definition.options.isCancellable ?? true,
    definition.noReturnAt === 0,
    new Date(now),
    definition.steps.map(({ name }) => name),
    secret === null || sealer === undefined ? secret : sealer.seal(secret),
  ];
}

async function findHolder(
  tx: Executor,
  urns: readonly string[],
): Promise<{ urn: string; taskId: number } | undefined> {
  const { rows } = await tx.query<{ urn: string; task_id: string }>(
    'select urn, task_id from task_locks where urn = any($1) order by urn collate "C" limit 1',
    [urns],
  );
  const row = rows[0];
  return row && { urn: row.urn, taskId: Number(row.task_id) };
}
