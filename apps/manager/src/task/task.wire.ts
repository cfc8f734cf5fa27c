import {
  objectUrn,
  type ParsedUrn,
  type TaskAnswer,
  uriOf,
  wireMillis,
  type TaskWithSteps,
  type WireTask,
} from "@sinter/northbound";
import type { StepState, StepView, TaskView } from "@sinter/tasks";
import type { WireErrors } from "../http/wire-errors.ts";
import { vmWireId } from "@sinter/northbound";

/** Type names on the wire; the contract gives only a few, the rest follow its pattern. */
const TYPE_NAMES: Readonly<Record<string, string>> = {
  "vm.create": "CreateVmTask",
  "vm.clone": "CloneVmTask",
  "vm.delete": "DeleteVmTask",
  "vm.modify": "ModifyVmTask",
  "vm.power": "VmPowerTask",
  "vm.attachVolume": "AttachVolumeTask",
  "vm.detachVolume": "DetachVolumeTask",
  "vm.attachNic": "AttachVmNicTask",
  "vm.detachNic": "DetachVmNicTask",
  "vm.attachCdrom": "AttachCdromTask",
  "vm.detachCdrom": "DetachCdromTask",
  "snapshot.create": "CreateVmSnapshotTask",
  "snapshot.delete": "DeleteVmSnapshotTask",
  "snapshot.revert": "ResumeVmSnapshotTask",
  "volume.create": "CreateVolumeTask",
  "volume.delete": "DeleteVolumeTask",
  "volume.grow": "ExpandVolumeTask",
  "volume.move": "MigrateVolumeTask",
  "volume.tune": "ModifyVolumeIoTask",
};
/** Names that the contract knows and that no task of ours has yet: a filter by one is valid and finds nothing. */
const KNOWN_ELSEWHERE = ["AddDataStoreTask", "RefreshHostStorageUnitTask", "RefreshStorageUnitTask"];

const POWER_NAMES: Readonly<Record<string, string>> = {
  start: "StartVmTask",
  stop: "StopVmTask",
  forceStop: "StopVmTask",
  reboot: "RebootVmTask",
  forceReboot: "RebootVmTask",
  pause: "PauseVmTask",
  resume: "ResumeVmTask",
  hibernate: "HibernateVmTask",
};

export function typeName(type: string, action?: unknown): string {
  return POWER_NAMES[String(action)] ?? TYPE_NAMES[type] ?? type;
}

/** Our type behind a wire name; undefined for a name that nobody knows. */
export function typeOfName(name: string): string | undefined {
  if (KNOWN_ELSEWHERE.includes(name)) return name;
  if (Object.values(POWER_NAMES).includes(name)) return "vm.power";
  return Object.entries(TYPE_NAMES).find(([, wire]) => wire === name)?.[0];
}

const STATUS = {
  waiting: "waiting",
  running: "running",
  unwinding: "running",
  cancelling: "cancelling",
  succeeded: "success",
  failed: "failed",
  cancelled: "failed",
  stuck: "failed",
} as const satisfies Record<TaskView["state"], WireTask["status"]>;

export function statesOfStatus(status: string): TaskView["state"][] {
  return (Object.keys(STATUS) as TaskView["state"][]).filter((state) => STATUS[state] === status);
}

export function taskUrn(siteId: string, taskId: number): string {
  return objectUrn(siteId, "tasks", taskId);
}

/** What an operation answers at once: the object, and where to watch. */
export function taskAnswer(siteId: string, taskId: number, urn: string): TaskAnswer {
  const ofTask = taskUrn(siteId, taskId);
  return { urn, uri: uriOf(urn), taskUrn: ofTask, taskUri: uriOf(ofTask) };
}

/** Our word for an object that tasks work on, and the one in URNs. */
const ENTITY_KINDS = {
  vm: "vms",
  volume: "volumes",
  host: "hosts",
  datastore: "datastores",
  switch: "dvswitchs",
} as const;

/** Entities are held as `vm:12`; on the wire they are URNs. Of a port group the URN would need its switch. */
export function entityUrn(siteId: string, entity: string): string {
  const [kind, id] = entity.split(":");
  const wireKind = Object.hasOwn(ENTITY_KINDS, kind ?? "")
    ? ENTITY_KINDS[kind as keyof typeof ENTITY_KINDS]
    : undefined;
  if (wireKind === undefined) return entity;
  return objectUrn(siteId, wireKind, wireKind === "vms" ? vmWireId(Number(id)) : Number(id));
}

/** The way back; undefined for the site, whose tasks are all. */
export function entityOf(urn: ParsedUrn): string | undefined {
  if (urn.kind === undefined) return undefined;
  if (urn.child)
    return urn.child.kind === "portgroups" ? `portGroup:${urn.child.id}` : `none:${urn.child.id}`;
  const kind = (Object.keys(ENTITY_KINDS) as (keyof typeof ENTITY_KINDS)[]).find(
    (each) => ENTITY_KINDS[each] === urn.kind,
  );
  return `${kind ?? "none"}:${urn.id}`;
}

export function taskToWire(task: TaskView, siteId: string, errors: WireErrors): WireTask {
  const urn = taskUrn(siteId, task.id);
  const failure = task.state === "succeeded" ? undefined : (task.stuckReason ?? task.reason);
  const isOver =
    task.state === "succeeded" ||
    task.state === "failed" ||
    task.state === "cancelled" ||
    task.state === "stuck";
  return {
    urn,
    uri: uriOf(urn),
    type: typeName(task.type, task.attributes.action),
    entityUrn: entityUrn(siteId, task.entity.urn),
    entityName: task.entity.name,
    startTime: wireMillis(task.createdAt),
    finishTime: wireMillis(task.finishedAt ?? null),
    user: task.user,
    status: STATUS[task.state],
    // Also when it failed: one client looks at nothing else.
    progress: isOver ? 100 : Math.min(99, Math.floor(task.progress)),
    reason: failure === undefined ? "" : errors.codeOf(failure.kind, failure.code),
    reasonDes: failure?.message ?? "",
    cancelable: task.isCancellable,
    cancelled: task.isCancelRequested,
    params: {},
  };
}

type WireStep = TaskWithSteps["steps"][number];

const STEP_STATE = {
  pending: "waiting",
  running: "running",
  done: "done",
  failed: "failed",
  // What the step did still stands, and somebody works on it.
  undoing: "running",
  undone: "undone",
} as const satisfies Record<StepState, WireStep["state"]>;

export function stepToWire(step: StepView): WireStep {
  return {
    name: step.name,
    state: STEP_STATE[step.state],
    attempts: step.attempts,
    startedAt: wireMillis(step.startedAt ?? null),
    endedAt: wireMillis(step.finishedAt ?? null),
    message: step.error?.message ?? step.message,
    log: step.log.map(({ at, text }) => ({ at: wireMillis(at), text })),
  };
}
