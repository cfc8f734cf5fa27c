import type { AccessLevel } from "./user.ts";

/**
 * The rights that roles are made of. Each belongs to one access level, and a level is reached only with all of its
 * rights and all of the levels below: routes ask for levels, so half a level must not open the whole of it.
 */
export interface Right {
  readonly id: string;
  readonly name: string;
  readonly level: Extract<AccessLevel, "read" | "operate" | "administer">;
}

export interface RightArea {
  readonly id: string;
  readonly name: string;
  readonly rights: readonly Right[];
}

export const RIGHT_AREAS: readonly RightArea[] = [
  {
    id: "1000",
    name: "Viewing",
    rights: [
      { id: "1001", name: "View clusters, hosts, VMs, storage and networks", level: "read" },
      { id: "1002", name: "View tasks, alarms and monitoring", level: "read" },
    ],
  },
  {
    id: "2000",
    name: "Virtual machines",
    rights: [
      { id: "2001", name: "Create, modify and delete VMs and templates", level: "operate" },
      { id: "2002", name: "Start, stop, pause, hibernate and migrate VMs", level: "operate" },
      { id: "2003", name: "Manage snapshots, volumes and NICs of VMs", level: "operate" },
      { id: "2004", name: "Open consoles of VMs", level: "operate" },
    ],
  },
  {
    id: "3000",
    name: "Infrastructure",
    rights: [
      { id: "3001", name: "Manage clusters and hosts", level: "administer" },
      { id: "3002", name: "Manage datastores", level: "administer" },
      { id: "3003", name: "Manage switches and port groups", level: "administer" },
    ],
  },
  {
    id: "4000",
    name: "System",
    rights: [
      { id: "4001", name: "Manage users and roles", level: "administer" },
      { id: "4002", name: "Read the audit records", level: "administer" },
      { id: "4003", name: "Change settings of the system", level: "administer" },
    ],
  },
];

export const RIGHTS: readonly Right[] = RIGHT_AREAS.flatMap((area) => area.rights);

/** Levels above "session" with what each demands. */
const LEVELS = ["read", "operate", "administer"] as const;

/** Roles that are always there and cannot be changed. */
export const BUILT_IN_ROLES = [
  { name: "administrator", description: "May do everything.", upTo: "administer" },
  {
    name: "operator",
    description: "Works with VMs; changes neither infrastructure nor users.",
    upTo: "operate",
  },
  { name: "readonly", description: "Sees everything except users and audit records.", upTo: "read" },
] as const satisfies readonly { name: string; description: string; upTo: Right["level"] }[];

export function rightsUpTo(level: Right["level"]): string[] {
  const last = LEVELS.indexOf(level);
  return RIGHTS.filter((right) => LEVELS.indexOf(right.level) <= last).map((right) => right.id);
}

/** A right counts only when every role of the user grants it: the role that denies wins. */
export function rightsHeld(rightsOfRoles: readonly (readonly string[])[]): string[] {
  const [first, ...others] = rightsOfRoles;
  return (first ?? []).filter((right) => others.every((rights) => rights.includes(right)));
}

/** Ids the login answer lists: what the user may not. */
export function rightsLacking(held: readonly string[]): string[] {
  return RIGHTS.map((right) => right.id).filter((id) => !held.includes(id));
}

export function accessOf(held: readonly string[]): AccessLevel {
  let access: AccessLevel = "session";
  for (const level of LEVELS) {
    if (!rightsUpTo(level).every((id) => held.includes(id))) break;
    access = level;
  }
  return access;
}
