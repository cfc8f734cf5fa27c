import { objectUrn, portGroupUrn, vmWireId } from "@sinter/northbound";
import type { Change } from "./change-listener.ts";

/** More than so many objects of a kind at once are "many": who looks at all of them is done sooner. */
const URNS_MAX = 100;

/** A change as browsers are told it. */
export interface WireChange {
  readonly kind: string;
  /** Null: many, or unknown which: look at all. */
  readonly urns: readonly string[] | null;
}

/** Kinds whose objects have a URN; of the others one is told that some have changed. */
const URN_OF: Readonly<Record<string, (siteId: string, id: string) => string | undefined>> = {
  vms: (siteId, id) => objectUrn(siteId, "vms", vmWireId(Number(id))),
  hosts: (siteId, id) => objectUrn(siteId, "hosts", id),
  clusters: (siteId, id) => objectUrn(siteId, "clusters", id),
  tasks: (siteId, id) => objectUrn(siteId, "tasks", id),
  volumes: (siteId, id) => objectUrn(siteId, "volumes", id),
  datastores: (siteId, id) => objectUrn(siteId, "datastores", id),
  switches: (siteId, id) => objectUrn(siteId, "dvswitchs", id),
  // Their URN holds the switch, so the trigger says `switch:group`.
  portGroups: (siteId, id) => {
    const [switchId, groupId] = id.split(":");
    return groupId === undefined ? undefined : portGroupUrn(siteId, Number(switchId), Number(groupId));
  },
};

/** Every kind there is an announcement of: after a pause all of them may have changed. */
export const CHANGE_KINDS = [...Object.keys(URN_OF), "isos", "sites", "users", "roles"] as const;

/** Gathers changes for a moment, so that a hundred statements are one message. */
export class ChangeBatch {
  readonly #kinds = new Map<string, Set<string> | null>();

  add({ kind, ids }: Change): void {
    const known = this.#kinds.get(kind);
    if (known === null) return;
    const all = known ?? new Set<string>();
    if (ids !== null) for (const id of ids) all.add(id);
    this.#kinds.set(kind, ids === null || all.size > URNS_MAX ? null : all);
  }

  /** What was gathered, by kind; it is empty afterwards. */
  take(siteId: string): WireChange[] {
    const changes = [...this.#kinds].map(([kind, ids]) => ({ kind, urns: urnsOf(siteId, kind, ids) }));
    this.#kinds.clear();
    return changes;
  }
}

function urnsOf(siteId: string, kind: string, ids: ReadonlySet<string> | null): string[] | null {
  const toUrn = URN_OF[kind];
  if (ids === null || toUrn === undefined) return null;
  const urns: string[] = [];
  for (const id of ids) {
    const urn = toUrn(siteId, id);
    if (urn === undefined) return null;
    urns.push(urn);
  }
  return urns;
}
