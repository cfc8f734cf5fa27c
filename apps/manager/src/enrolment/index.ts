/** What other domains may use of enrolment. */
export { type AuthorityStore, type AuthorityStoreOptions, createAuthorityStore } from "./authority.ts";
export { createEnrolment, type Enrolment, type EnrolmentOptions } from "./enrolment.ts";
export { enrolmentWireErrors } from "./enrolment.errors.ts";
export type { KeyAndCertificate } from "./own-certificate.ts";
export { rotateCertificates, type RotationParts } from "./rotate-certificates.ts";
