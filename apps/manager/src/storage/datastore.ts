/** local: one host's own disk; shared: the same directory on several hosts (NAS in production). */
export type DatastoreKind = "local" | "shared";
export type DatastoreStatus = "creating" | "normal" | "abnormal" | "readOnly" | "deleting";
export type LinkState = "connecting" | "connected" | "abnormal" | "readOnly";
