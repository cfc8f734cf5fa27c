export * from "./client.ts";
export { ApiError } from "./wire-error.ts";
export type { Fetch } from "./http.ts";
export { collect, type Page } from "./pages.ts";
export { pathOf, type Reference } from "./references.ts";
export { loginKey, type Session } from "./session.ts";
export { TaskFailure, type TaskQuery, type WaitOptions } from "./resources/tasks.ts";
export type { PowerMode, VmQuery } from "./resources/vms.ts";
export type { VolumeQuery } from "./resources/volumes.ts";
