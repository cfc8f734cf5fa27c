import type {
  AddRoleRequest,
  AuditList,
  AuditVerification,
  CreatedJoinToken,
  CreatedUser,
  CreateJoinTokenRequest,
  CreateUserRequest,
  JoinTokenList,
  ModifyRoleRequest,
  ModifyUserRequest,
  RightList,
  RoleList,
  UserList,
  WireAuditRecord,
  WireRole,
  WireUser,
} from "@sinter/northbound";
import type { Static } from "typebox";
import type { Api } from "../api.ts";
import { iteratePages, type Page, type PageQuery } from "../pages.ts";

export type UserQuery = PageQuery & { readonly userName?: string; readonly userType?: string };

/** Users are addressed by their id; they have no URN. */
export function createUsers(api: Api) {
  const list = async (query: UserQuery = {}): Promise<Page<WireUser>> => {
    const answer = await api.get<Static<typeof UserList>>("/service/users", query);
    return { total: answer.total, items: answer.users };
  };
  return {
    list,
    iterate: (query: Omit<UserQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (user) => user.userId,
      ),
    create: (request: CreateUserRequest) => api.post<Static<typeof CreatedUser>>("/service/users", request),
    modify: (userId: string, change: ModifyUserRequest) => api.put<object>(userPath(userId), change),
    remove: (userId: string) => api.remove<object>(userPath(userId)),
    get: (userId: string) => api.get<WireUser>(userPath(userId)),
    /** Keeps somebody out, from this moment on. */
    lock: (userId: string) => api.post<object>("/service/users/lockUser", { userId }),
    /** Also after too many wrong passwords. */
    unlock: (userId: string) => api.post<object>("/service/users/unLockUser", { userId }),
    setRoles: (userId: string, roles: readonly string[]) =>
      api.post<object>(`${userPath(userId)}/setRoles`, { roles }),
    /** An administrator gives somebody else a new password. */
    resetPassword: (userId: string, password: string) =>
      api.post<object>("/service/users/password/reset", { userId, password }),
  };
}

export function createRoles(api: Api) {
  const list = async (query: PageQuery = {}): Promise<Page<WireRole>> => {
    const answer = await api.get<Static<typeof RoleList>>("/service/roles/list", query);
    return { total: answer.total, items: answer.items };
  };
  return {
    list,
    iterate: () => iteratePages(list, (role) => role.roleName),
    add: (request: Static<typeof AddRoleRequest>) => api.post<object>("/service/roles/add", request),
    modify: (request: Static<typeof ModifyRoleRequest>) => api.post<object>("/service/roles/mod", request),
    remove: (roleName: string) => api.post<object>("/service/roles/rmv", { roleName }),
    /** All rights that roles are made of, by area. */
    rights: async () => (await api.get<Static<typeof RightList>>("/service/roles/getRights")).items,
  };
}

const JOIN_TOKENS = "/sinter/v1/join-tokens";

/** One-time tokens by which hosts join. The token itself is shown once, in the answer of `create`. */
export function createJoinTokens(api: Api) {
  return {
    create: (request: CreateJoinTokenRequest = {}) => api.post<CreatedJoinToken>(JOIN_TOKENS, request),
    list: async () => (await api.get<Static<typeof JoinTokenList>>(JOIN_TOKENS)).joinTokens,
    remove: (id: string) => api.remove<object>(`${JOIN_TOKENS}/${encodeURIComponent(id)}`),
  };
}

export type AuditQuery = PageQuery & {
  readonly user?: string /** Epoch milliseconds. */;
  readonly since?: number;
};

export function createAudit(api: Api) {
  const list = async (query: AuditQuery = {}): Promise<Page<WireAuditRecord>> => {
    const answer = await api.get<Static<typeof AuditList>>("/sinter/v1/audit", query);
    return { total: answer.total, items: answer.records };
  };
  return {
    list,
    iterate: (query: Omit<AuditQuery, keyof PageQuery> = {}) =>
      iteratePages(
        (page) => list({ ...query, ...page }),
        (record) => record.sequence,
      ),
    /** Whether the chain of records is whole. */
    verify: () => api.get<AuditVerification>("/sinter/v1/audit/verification"),
  };
}

function userPath(userId: string): string {
  return `/service/users/${encodeURIComponent(userId)}`;
}
