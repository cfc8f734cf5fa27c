import type { Query, Page } from "../http/query.ts";
import type { WireRight, WireRole, WireUser } from "@sinter/northbound";
import type { RightArea } from "./rights.ts";
import type { Role } from "./role.store.ts";
import { type LoginState, loginStateOf, type User, type UserStatus, type UserType } from "./user.ts";
import type { UserFilter } from "./user.store.ts";

/** The ordinary mode, the only one there is (contract 1.5, rightType). */
export const RIGHT_TYPE = 1;

const USER_TYPES: Record<UserType, string> = { local: "0", domain: "1", interconnect: "2" };

const MANAGE_STATUS: Record<LoginState, number> = {
  normal: 0,
  autoLocked: 1,
  lockedByAdministrator: 2,
  inactive: 3,
};

/** `undefined` for a text that names none. */
export function readUserType(text: string | undefined): UserType | undefined {
  const found = Object.entries(USER_TYPES).find(([, wire]) => wire === text);
  return found?.[0] as UserType | undefined; // keys of the table above
}

/** 1 is what the system does itself: asking for it changes nothing. */
export function readUserStatus(manageStatus: number | undefined): UserStatus | undefined {
  const statuses: Record<number, UserStatus> = { 0: "active", 2: "locked", 3: "inactive" };
  return manageStatus === undefined ? undefined : statuses[manageStatus];
}

export function readUserFilter(query: Query): UserFilter {
  const manageStatus = query.integer("manageStatus");
  const loginState = Object.entries(MANAGE_STATUS).find(([, wire]) => wire === manageStatus)?.[0];
  return {
    type: readUserType(query.text("userType")),
    name: query.text("userName"),
    role: query.text("roles"),
    createdFrom: query.time("createStartTime"),
    createdTo: query.time("createStopTime"),
    loginState: loginState as LoginState | undefined, // keys of the table above
  };
}

/** Here -1 means "all", besides what other lists understand (8.8 reference). */
export function readPage(query: Query): Page {
  if (query.integer("limit") === -1 || query.integer("offset") === -1) return { limit: undefined, offset: 0 };
  return query.page();
}

export function toWireUser(user: User, now: number): WireUser {
  return {
    userId: user.id,
    userType: USER_TYPES[user.type],
    userName: user.name,
    roles: [...user.roles],
    email: user.email,
    contact: user.contact,
    description: user.description,
    createTime: epochSeconds(user.createdAt),
    connectNum: user.sessionsMax,
    rightType: RIGHT_TYPE,
    manageStatus: MANAGE_STATUS[loginStateOf(user, now)],
  };
}

export function toWireRole(role: Role): WireRole {
  return {
    roleName: role.name,
    rightType: RIGHT_TYPE,
    description: role.description,
    createTime: epochSeconds(role.createdAt),
    popedom: [...role.rights],
  };
}

export function toWireRights(areas: readonly RightArea[]): WireRight[] {
  return areas.map((area) => ({
    rightId: area.id,
    rightName: area.name,
    subitems: area.rights.map((right) => ({ rightId: right.id, rightName: right.name, subitems: [] })),
  }));
}

/** Users and roles count time in seconds, unlike tasks (8.8 reference, roles/query). */
function epochSeconds(at: Date): string {
  return String(Math.floor(at.getTime() / 1000));
}
