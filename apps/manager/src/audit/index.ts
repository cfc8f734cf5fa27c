/** What other domains may use of the audit records. */
export { type AuditOptions, type AuditService, createAudit } from "./audit.service.ts";
